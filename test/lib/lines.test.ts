import t from 'tap'
import { type Line, linesOf } from '../../src/lib/lines.ts'

async function read(text: string | Buffer, chunk: number, longest = 100): Promise<Line[]> {
  const bytes = Buffer.from(text)
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk)
  }
  return await Array.fromAsync(linesOf(chunks(), longest))
}

for (const chunk of [1, 2, 3, 7, 1000])
  t.test(`lines come whole, however they are cut (${chunk} bytes at a time)`, async (t) => {
    const lines = await read('erste Größe\n\n🗝 zwei\u2028noch zwei\r\nlast', chunk)

    t.strictSame(lines, [
      { number: 1, end: 14, text: 'erste Größe' },
      { number: 2, end: 15, text: '' },
      { number: 3, end: 38, text: '🗝 zwei\u2028noch zwei\r' },
      { number: 4, end: 42, text: 'last' }
    ])
  })

t.test('a line that is too long or not UTF-8 is told, and the next is whole again', async (t) => {
  const lines = await read(
    Buffer.concat([Buffer.alloc(1000, 'x'), Buffer.from('\n\xff\n', 'latin1'), Buffer.from('good')]),
    64
  )

  t.strictSame(lines, [
    { number: 1, end: 1001, fault: 'is longer than 100 bytes' },
    { number: 2, end: 1003, fault: 'is not UTF-8' },
    { number: 3, end: 1007, text: 'good' }
  ])
})

t.test('a line of just the length that is allowed is read, one byte more is not', async (t) => {
  const lines = await read(`${'x'.repeat(100)}\n${'y'.repeat(101)}\n`, 7)

  t.match(lines, [{ text: 'x'.repeat(100) }, { fault: 'is longer than 100 bytes' }])
})

t.test('nothing has no lines', async (t) => {
  t.strictSame(await read('', 1), [])
})
