// @ts-check

/**
 * The words of the service's own mails, so that a person meets one name for one device. Tried in this order: most browsers also name
 * the ones that they descend from.
 */
const BROWSERS = /** @type {[RegExp, string][]} */ ([
  [/\bEdg(e|A|iOS)?\//, 'Edge'],
  [/\b(OPR|OPiOS|Opera)\b/, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/\b(Chrome|CriOS|Chromium)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
  [/\bcurl\//, 'curl']
])
const SYSTEMS = /** @type {[RegExp, string][]} */ ([
  [/\b(iPhone|iPod)\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\b(Macintosh|Mac OS X|macOS)\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux']
])

/**
 * What a User-Agent says of the browser and of the system, where it says it.
 *
 * @param {string | null} agent
 */
export function recognise(agent) {
  /** @param {[RegExp, string][]} table */
  const firstOf = (table) => table.find(([pattern]) => pattern.test(agent ?? ''))?.[1]
  return { browser: firstOf(BROWSERS), system: firstOf(SYSTEMS) }
}
