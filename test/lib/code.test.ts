import { randomBytes } from 'node:crypto'
import t from 'tap'
import { keyRing } from '../../src/lib/capability.ts'
import { type CodeForm, codeOf, formBytes, formFromBytes, referenceOf, tidyCode } from '../../src/lib/code.ts'
import { newId } from '../../src/lib/identifier.ts'

const key = keyRing([randomBytes(32)]).newest
const other = keyRing([randomBytes(32)]).newest
const short: CodeForm = { length: 6, alphabet: 'digits' }
const long: CodeForm = { length: 8, alphabet: 'digits' }
const strong: CodeForm = { length: 13, alphabet: 'base32' }

t.test('a challenge has one code, however often it is asked for', async (t) => {
  const id = newId()

  for (const form of [short, long, strong]) t.equal(codeOf(key, id, form), codeOf(key, id, form))
})

t.test('codes have exactly the length and the letters of their form', async (t) => {
  for (let round = 0; round < 500; round++) {
    t.match(codeOf(key, newId(), short), /^[0-9]{6}$/)
    t.match(codeOf(key, newId(), long), /^[0-9]{8}$/)
    t.match(codeOf(key, newId(), strong), /^[0-9A-HJKMNP-TV-Z]{13}$/)
  }
})

t.test('another challenge, another key and another form give another code', async (t) => {
  const id = newId()
  const code = codeOf(key, id, strong)

  t.not(codeOf(key, newId(), strong), code)
  t.not(codeOf(other, id, strong), code)
  t.notOk(code.startsWith(codeOf(key, id, short)))
  t.not(codeOf(key, id, long).slice(2), codeOf(key, id, short))
})

t.test('every place of a code takes every letter about equally often', async (t) => {
  const rounds = 6400
  for (const [form, letters] of [
    [short, 10],
    [strong, 32]
  ] as const) {
    const counts = Array.from({ length: form.length }, () => new Map<string, number>())
    for (let round = 0; round < rounds; round++) {
      for (const [place, letter] of [...codeOf(key, newId(), form)].entries()) {
        counts[place]?.set(letter, (counts[place]?.get(letter) ?? 0) + 1)
      }
    }

    const expected = rounds / letters
    const spread = counts.flatMap((count) => [...count.values()]).map((count) => Math.abs(count - expected))
    t.ok(counts.every((count) => count.size === letters))
    t.ok(
      Math.max(...spread) < 6 * Math.sqrt(expected),
      `the farthest from ${expected} is off by ${Math.max(...spread)}`
    )
  }
})

t.test('a code that begins with zeros keeps them', async (t) => {
  const codes = Array.from({ length: 300 }, () => codeOf(key, newId(), short))

  const small = codes.filter((code) => code.startsWith('0'))

  t.ok(small.length > 0)
  for (const code of small) t.equal(code.length, 6)
})

t.test('a reference is four letters that spell nothing, the same for the same challenge', async (t) => {
  const id = newId()

  t.match(referenceOf(key, id), /^[BCDFGHJKMNPQRSTVWXZ]{4}$/)
  t.equal(referenceOf(key, id), referenceOf(key, id))
  t.not(referenceOf(other, id), referenceOf(key, id))
})

t.test('white space, dashes and invisible characters are not part of a code', async (t) => {
  const typed = [
    '123 456',
    ' 123456\n',
    '123-456',
    '123\u2013456',
    '123\u2014456',
    '123\u2212456',
    '12\u00a03\u202f4\u200956',
    '1\t2\u30003456',
    '\ufeff123\u200b456\u200e',
    '123\u00ad456\u2060',
    '１２３４５６',
    '①②③④⑤⑥'
  ]

  t.same([...new Set(typed.map((code) => tidyCode(code, 'digits')))], ['123456'])
})

t.test('small letters and look-alikes are understood where codes have letters', async (t) => {
  t.equal(tidyCode('7q2m9-kd3tv-x0h', 'base32'), '7Q2M9KD3TVX0H')
  t.equal(tidyCode('oO0iI1lL', 'base32'), '00011111')
  t.equal(tidyCode('ｏＩｌ', 'base32'), '011')
})

t.test('digits are understood from every keyboard, and between the marks that a right-to-left mail has', async (t) => {
  for (const typed of ['\u0660\u0665\u0662\u0667\u0663\u0661', '\u06f0\u06f5\u06f2\u06f7\u06f3\u06f1', '０５２７３１'])
    t.equal(tidyCode(typed, 'digits'), '052731')
  t.equal(tidyCode('\u2066052731\u2069', 'digits'), '052731')
  t.equal(tidyCode('\u202a052 731\u202c', 'digits'), '052731')
})

t.test('a letter is no digit where codes have digits only', async (t) => {
  t.equal(tidyCode('O1234I', 'digits'), 'O1234I')
})

t.test('nothing but noise is empty, anything else is not', async (t) => {
  for (const nothing of ['', ' ', '- -', '\u2014\u200b\ufeff', '\n\t', '\u2066\u2069\u202a\u202c'])
    t.equal(tidyCode(nothing, 'digits'), '')
  for (const something of ['0', '.', '_', '\u0000', '\ud800', '\u0308', '🙂']) t.not(tidyCode(something, 'digits'), '')
})

t.test('a form survives its way through bytes', async (t) => {
  for (const form of [short, long, strong]) t.same(formFromBytes(formBytes(form)), form)
})
