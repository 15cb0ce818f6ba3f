import Negotiator from 'negotiator'

/** What a request says about languages: by a member of its body, and by the browser. */
export type WantedLanguage = { locale?: string | undefined; acceptLanguage: string | undefined }

/** The language of a request's mails: as asked for where we have one near it, else as the browser says; null when neither names one. */
export function wantedLanguage({ locale, acceptLanguage }: WantedLanguage, ours: readonly string[]): string | null {
  if (locale !== undefined && preferredLanguage(locale, ours) !== null) return locale
  return preferredLanguage(acceptLanguage, ours) ?? locale ?? null
}

/** The first of our languages that the header accepts (RFC 9110 12.5.4); null when it names none of them. */
export function preferredLanguage(header: string | undefined, ours: readonly string[]): string | null {
  if (header === undefined) return null
  // `*` names no language: a reader of any language gets the default, not the first of the list.
  const named = header.split(',').filter((range) => !range.trimStart().startsWith('*'))
  return new Negotiator({ headers: { 'accept-language': named.join(',') } }).language([...ours]) ?? null
}
