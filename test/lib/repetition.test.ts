import t from 'tap'
import { repeatedPart } from '../../src/lib/repetition.ts'

t.test('the part is the shortest that makes the text, also when the last one is cut off', async (t) => {
  const parts = {
    aaaa: 'a',
    abab: 'ab',
    abcabcab: 'abc',
    aabaab: 'aab',
    abcd: 'abcd',
    abca: 'abc',
    a: 'a',
    '': ''
  }

  for (const [text, part] of Object.entries(parts)) t.equal(repeatedPart(text), part, text)
})

t.test('a long text takes one walk', async (t) => {
  const text = `${'a'.repeat(200_000)}b`

  t.equal(repeatedPart(text), text)
})
