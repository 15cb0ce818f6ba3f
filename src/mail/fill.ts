import type { Liquid } from 'liquidjs'

export type Data = Record<string, unknown>
type Fill = (data: Data) => string

/** A name alone, `{{ code }}`. */
const NAME = /(\{\{ *[a-z_]+ *\}\})/
const LONE_NAME = /^\{\{ *([a-z_]+) *\}\}$/
/** Constructs that act outside their own tag: assignments, early exits, whitespace control. */
const FAR_REACHING = /\{\{-|-\}\}|\{%-|-%\}|\b(?:assign|capture|increment|decrement|break|continue)\b/
/** A value that looks the same in a mail, escaped or not. */
const UNTOUCHED = /^[^&<>"'`]*$/

/**
 * Parses a template into a function that fills it in; throws when it does not parse. Plain text and plain names need no engine:
 * it gets only the pieces that are more than a name, which is a quarter of its work for a mail with a code.
 */
export function filler(engine: Liquid, text: string): Fill {
  const whole = byEngine(engine, text)
  if (FAR_REACHING.test(text)) return whole
  try {
    const pieces = piecesOf(text).map((piece) => fillPiece(engine, piece))
    return (data) => {
      try {
        return pieces.map((fill) => fill(data)).join('')
      } catch {
        return whole(data) // which names the line at fault
      }
    }
  } catch {
    return whole // a brace within a string, which only the engine can tell from a name
  }
}

/** Everything from the first tag to the last is one piece, because tags enclose what is between them. */
function piecesOf(text: string): string[] {
  const [start, end] = [text.indexOf('{%'), text.lastIndexOf('%}') + 2]
  if (start < 0) return text.split(NAME)
  return [...text.slice(0, start).split(NAME), text.slice(start, end), ...text.slice(end).split(NAME)]
}

function fillPiece(engine: Liquid, piece: string): Fill {
  if (!/\{[{%]/.test(piece)) return () => piece
  const name = LONE_NAME.exec(piece)?.[1]
  if (name === undefined) return byEngine(engine, piece)
  let fill: Fill | undefined // a name parses, and most are never given to the engine
  return (data) => {
    const value = data[name]
    if (typeof value === 'number' || (typeof value === 'string' && UNTOUCHED.test(value))) return String(value)
    fill ??= byEngine(engine, piece)
    return fill(data)
  }
}

function byEngine(engine: Liquid, text: string): Fill {
  const parsed = engine.parse(text)
  return (data) => engine.renderSync(parsed, data)
}
