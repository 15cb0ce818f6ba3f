import Negotiator from 'negotiator'

/** The first of our languages that the header accepts (RFC 9110 12.5.4); null when it names none of them. */
export function preferredLanguage(header: string | undefined, ours: readonly string[]): string | null {
  if (header === undefined) return null
  // `*` names no language: whoever can read any is served in the default and not in the first of an alphabet.
  const named = header.split(',').filter((range) => !range.trimStart().startsWith('*'))
  return new Negotiator({ headers: { 'accept-language': named.join(',') } }).language([...ours]) ?? null
}
