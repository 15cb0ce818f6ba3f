/** The shortest beginning of a text that, repeated, makes it: `abc` of `abcabcab`; the text itself when nothing repeats. */
export function repeatedPart(text: string): string {
  // Knuth, Morris and Pratt: for each place, how long a prefix of the text ends there; one pass over the text.
  const ends: number[] = [0]
  for (let place = 1; place < text.length; place++) {
    let length = ends[place - 1] as number
    while (length > 0 && text[place] !== text[length]) length = ends[length - 1] as number
    ends.push(text[place] === text[length] ? length + 1 : 0)
  }
  return text.slice(0, text.length - (ends.at(-1) as number))
}
