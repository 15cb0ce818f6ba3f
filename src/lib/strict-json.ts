/** A string, a bracket, or a stretch of anything else; only meant for text that JSON.parse has accepted. */
const PIECE = /"(?:[^"\\]|\\.)*"|[{}[\]]|[^"{}[\]]+/gy

/** Whether a text holds no object within another, no list and no `__proto__`, as most bodies do not. */
const isFlat = (text: string): boolean =>
  text.lastIndexOf('{') <= 0 && !text.includes('[') && !text.includes('"__proto__"')

/**
 * Parses JSON and refuses what two readers could understand differently: a member given twice, also when one is spelled with escapes,
 * and `__proto__`. Throws a SyntaxError, which is an AmbiguousJson for what is JSON all the same.
 *
 * @param isRefused whether the caller refuses a value in any case; the look for what is ambiguous, which takes longest, is then spared
 */
export function strictJson(text: string, isRefused: (value: unknown) => boolean = () => false): unknown {
  const value: unknown = JSON.parse(text)
  if (isFlat(text) && JSON.stringify(value) === text) return value // nothing was lost, so no member was repeated
  if (isRefused(value)) return value
  const open: (Set<string> | undefined)[] = []
  let name: string | undefined
  PIECE.lastIndex = 0
  for (let piece = PIECE.exec(text); piece !== null; piece = PIECE.exec(text)) {
    const [part] = piece
    if (part === '{') open.push(new Set())
    else if (part === '[') open.push(undefined)
    else if (part === '}' || part === ']') open.pop()
    else if (part.startsWith('"')) name = part
    else if (name !== undefined && part.trimStart().startsWith(':')) note(open.at(-1), JSON.parse(name) as string)
    if (!part.startsWith('"')) name = undefined
  }
  return value
}

/** Its message is a sentence of its own. */
export class AmbiguousJson extends SyntaxError {}

function note(names: Set<string> | undefined, name: string): void {
  if (names === undefined) return
  if (names.has(name)) throw new AmbiguousJson(`the member ${JSON.stringify(name)} is given twice`)
  if (name === '__proto__') throw new AmbiguousJson('the member "__proto__" is not allowed')
  names.add(name)
}
