/**
 * Whether all that the query of a URL asks for would be acted upon: names that are known, once each, with values that say something.
 * What a driver does not know it ignores, and a misspelt name would be a connection in the clear.
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
