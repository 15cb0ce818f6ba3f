/** Tried in this order: most browsers also name the ones that they descend from. */
const BROWSERS: [RegExp, string][] = [
  [/\bEdg(e|A|iOS)?\//, 'Edge'],
  [/\b(OPR|OPiOS|Opera)\b/, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/\b(Chrome|CriOS|Chromium)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
  [/\bcurl\//, 'curl']
]
const SYSTEMS: [RegExp, string][] = [
  [/\b(iPhone|iPod)\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\b(Macintosh|Mac OS X|macOS)\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux']
]

const firstOf = (table: [RegExp, string][], agent: string): string[] =>
  table
    .filter(([pattern]) => pattern.test(agent))
    .slice(0, 1)
    .map(([, name]) => name)

/**
 * A User-Agent in words that a mail may show: `Firefox, Windows`; empty when none of it is recognised. The words are ours: the
 * client chooses the header, and must not be able to write into somebody's mail.
 */
export const agentName = (agent: string | null): string =>
  [...firstOf(BROWSERS, agent ?? ''), ...firstOf(SYSTEMS, agent ?? '')].join(', ')
