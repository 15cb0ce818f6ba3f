/** One line of a file; without `text` when it cannot be read, and `fault` says why. `end` counts the bytes up to its end. */
export type Line = { number: number; end: number } & ({ text: string } | { text?: undefined; fault: string })

const NEWLINE = 10

/**
 * The lines of a UTF-8 stream, one in memory at a time and never more of it than `longest`.
 *
 * @param longest bytes of a line
 */
export async function* linesOf(stream: AsyncIterable<Buffer>, longest: number): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let [number, end, length] = [0, 0, 0]
  let parts: Buffer[] = []

  const keep = (part: Buffer): void => {
    length += part.length
    if (length <= longest) parts.push(part)
  }
  const finish = (): Line => {
    const place = { number: ++number, end }
    const bytes = length <= longest ? Buffer.concat(parts) : undefined
    ;[parts, length] = [[], 0]
    if (bytes === undefined) return { ...place, fault: `is longer than ${longest} bytes` }
    try {
      return { ...place, text: decoder.decode(bytes) }
    } catch {
      return { ...place, fault: 'is not UTF-8' }
    }
  }

  for await (const chunk of stream) {
    let from = 0
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      keep(chunk.subarray(from, at))
      end += at + 1 - from
      from = at + 1
      yield finish()
    }
    keep(chunk.subarray(from))
    end += chunk.length - from
  }
  if (length > 0) yield finish()
}
