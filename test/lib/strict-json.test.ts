import fc from 'fast-check'
import t from 'tap'
import { strictJson } from '../../src/lib/strict-json.ts'

t.test('whatever JSON can say is read as JSON.parse reads it', async (t) => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(undefined, 1, '\t', ' \n'), (text, space) => {
      const spaced = JSON.stringify(JSON.parse(text), null, space)
      const names = /"__proto__"\s*:/.test(spaced)
      if (!names) t.same(strictJson(spaced), JSON.parse(text))
    }),
    { numRuns: 1000 }
  )
})

t.test('a member given twice is refused, wherever it is and however it is spelled', async (t) => {
  const texts = [
    '{"a":1,"a":1}',
    '{"a":1,"b":2,"a":3}',
    '{"a":1,"\\u0061":2}',
    '{"\\u0061" : 1 , "\\u0061" : 2}',
    '{"":1,"":2}',
    '{"a":{"b":1,"c":[{"d":1,"d":2}]}}',
    '[[[{"a":[],"a":{}}]]]',
    '{"a":{"x":1},"b":[{"x":1}],"a":2}',
    '{"a":"}","a":"{"}',
    '{"a\\"":1,"a\\"":2}',
    '{"a\\\\":1,"a\\\\":2}',
    '{"\\ud83d\\ude42":1,"🙂":2}',
    '{"a"\n:\n1,"a"\t:2}'
  ]

  for (const text of texts) t.throws(() => strictJson(text), SyntaxError, text)
})

t.test('a name may come again in another object, and as a value', async (t) => {
  const texts = [
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":2}]',
    '{"a":"a","b":["a","a","b"]}',
    '{"a":1,"A":2,"a ":3}',
    '{"a":"b:","b":":"}',
    '{"a":["x",":"],"x":1}',
    '{"a":[{"x":1},{"x":1}],"x":{"x":[]}}'
  ]

  for (const text of texts) t.same(strictJson(text), JSON.parse(text), text)
})

t.test('__proto__ is refused as a name, escaped too, and allowed as a value', async (t) => {
  t.throws(() => strictJson('{"__proto__":{}}'), SyntaxError)
  t.throws(() => strictJson('{"a":1,"__proto__":1}'), SyntaxError)
  t.throws(() => strictJson('{"a":[{"\\u005f_proto__":1}]}'), SyntaxError)
  t.same(strictJson('{"a":"__proto__"}'), { a: '__proto__' })
})

t.test('what is no JSON is refused', async (t) => {
  for (const text of ['', ' ', '{', '{"a":1,}', "{'a':1}", '{"a":1}}', 'undefined', '{"a":01}', '\ufeff{}', '"\u0001"'])
    t.throws(() => strictJson(text), SyntaxError, text)
})

t.test('the deepest and the longest that a body can hold are read, and quickly', async (t) => {
  const deep = '['.repeat(8192) + ']'.repeat(8192)
  const long = JSON.stringify({ a: '\\"'.repeat(4000) })
  const many = `{${Array.from({ length: 1500 }, (_, index) => `"k${index}":1`).join(',')}}`
  const started = performance.now()

  t.ok(Array.isArray(strictJson(deep)))
  t.match(strictJson(long), { a: /"$/ })
  t.equal(Object.keys(strictJson(many) as object).length, 1500)
  t.ok(performance.now() - started < 1000)
})
