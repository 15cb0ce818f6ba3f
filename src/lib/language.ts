import Negotiator from 'negotiator'

/** Browsers send a handful; thousands, which fit into a header, take 20 ms to read. */
const MOST_RANGES = 20

/** What a request says about languages: by a member of its body, and by the browser. */
type WantedLanguage = { locale?: string | undefined; acceptLanguage: string | undefined }

/** A tag and what it stands for more generally: `zh-hant-tw`, `zh-hant`, `zh` (RFC 4647 3.4). */
export function shortened(tag: string): string[] {
  const subtags = tag.toLowerCase().split('-')
  return subtags.map((_, index) => subtags.slice(0, subtags.length - index).join('-'))
}

/** The language of a request's mails: as asked for where we have it, else as the browser says; null when neither names one. */
export function wantedLanguage({ locale, acceptLanguage }: WantedLanguage, ours: readonly string[]): string | null {
  const have = new Set(ours.map((tag) => tag.toLowerCase()))
  if (locale !== undefined && shortened(locale).some((tag) => have.has(tag))) return locale
  return preferredLanguage(acceptLanguage, ours) ?? locale ?? null
}

/** The first of our languages that the header accepts (RFC 9110 12.5.4); null when it names none of them. */
export function preferredLanguage(header: string | undefined, ours: readonly string[]): string | null {
  if (header === undefined) return null
  // `*` names no language: a reader of any language gets the default, not the first of the list.
  const named = header.split(',', MOST_RANGES).filter((range) => !range.trimStart().startsWith('*'))
  return new Negotiator({ headers: { 'accept-language': named.join(',') } }).language([...ours]) ?? null
}
