import Negotiator from 'negotiator'

/** The first of our languages that the header accepts (RFC 9110 12.5.4); null when it names none of them. */
export function preferredLanguage(header: string | undefined, ours: readonly string[]): string | null {
  if (header === undefined || header === '*') return null
  return new Negotiator({ headers: { 'accept-language': header } }).language([...ours]) ?? null
}
