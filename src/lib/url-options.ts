/**
 * Whether everything in the query of a URL would take effect: known names, once each, with meaningful values. A driver ignores
 * what it does not know, so a misspelt name could mean a connection without TLS.
 *
 * @param forms what the value of each known name may be
 */
export function hasPlainOptions(
  url: string,
  forms: Readonly<Record<string, RegExp>>,
  contradicts: (asked: URLSearchParams) => boolean
): boolean {
  if (!URL.canParse(url)) return true // which is another fault
  const { searchParams, hash } = new URL(url)
  const names = [...searchParams.keys()]
  return (
    hash === '' &&
    new Set(names).size === names.length &&
    [...searchParams].every(([name, value]) => Object.hasOwn(forms, name) && forms[name]?.test(value)) &&
    !contradicts(searchParams)
  )
}

/** Forms for `hasPlainOptions`: each of the names may have such a value. */
export const each = (names: readonly string[], form: RegExp): Record<string, RegExp> =>
  Object.fromEntries(names.map((name) => [name, form]))
