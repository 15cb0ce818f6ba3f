import fc from 'fast-check'
import { type Dispatcher, request } from 'undici'

const rest = fc.constantFrom(
  ...['', ' ', '\u0000', '\r\n', '\r\nBcc: eve@evil.example\r\n', '%0d%0a', '\u0007', '\u007f', '\u2028', '\u202e'],
  ...[
    '\ud800',
    '\udc00',
    '\ufeff',
    '\uffff',
    '👩‍👩‍👧',
    'é',
    'e\u0301',
    'ß',
    'İ',
    'ﬃ',
    'ａ',
    '＠',
    '。',
    'а',
    '\u00ad',
    '\u200b'
  ],
  ...[
    ',',
    ';',
    ':',
    '<',
    '>',
    '<script>',
    '"',
    "'",
    '`',
    '\\',
    '(',
    ')',
    '[127.0.0.1]',
    '{{',
    '{%',
    '#{7*7}',
    '../',
    '..'
  ],
  ...[
    "'; drop table postern.challenge; --",
    '$1',
    '::uuid',
    'null',
    'true',
    'NaN',
    '-1',
    '1e999',
    '__proto__',
    'toString'
  ],
  ...[
    'a'.repeat(64),
    'a'.repeat(65),
    'a'.repeat(255),
    'é'.repeat(300),
    'maya',
    '@',
    '@example.com',
    'xn--',
    'xn--a.example'
  ]
)
/** Texts that break parsers, databases, mail headers and templates. */
const nasty = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom('\u0000', '\ud800', '\udfff', '\u0001', '\r\n') },
  { weight: 3, arbitrary: rest }
)
const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), nasty)
export const hostileText = fc.oneof(
  anyText,
  fc.array(nasty, { maxLength: 6 }).map((parts) => parts.join('')),
  fc.tuple(anyText, nasty, anyText).map((parts) => parts.join(''))
)

/** What is almost an address, and sometimes is one. */
const local = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."abcXYZ019.!#$%&'*+/=?^_`{|}~-"), minLength: 1, maxLength: 12 }),
  fc.constantFrom(
    'maya',
    'Maya.B',
    'a+b',
    '"maya"',
    '"ma ya"',
    'ma"ya',
    'maya,eve@evil.example',
    'maya\\',
    'maya\r\nBcc'
  ),
  hostileText
)
const domain = fc.oneof(
  fc.constantFrom(
    'example.com',
    'EXAMPLE.com',
    'bücher.example',
    'xn--bcher-kva.example',
    '日本.example',
    'faß.example'
  ),
  fc.constantFrom(
    'example',
    'example.com.',
    '.example.com',
    '-a.example',
    'a..example',
    '127.0.0.1',
    '[::1]',
    'example。com'
  ),
  fc.constantFrom(
    'example.com>',
    'example.com,evil.example',
    'example.com eve@evil.example',
    'a_b.example',
    'ex%61mple.com'
  ),
  fc.string({ unit: fc.constantFrom(...'abcéßж-.'), minLength: 1, maxLength: 8 }).map((name) => `${name}.example`),
  hostileText
)
const framed = fc
  .tuple(
    fc.constantFrom('', '', ' ', '\t', '\u00a0', '<', 'Maya <'),
    local,
    fc.constantFrom('@', '@', '@', '@@', ''),
    domain
  )
  .chain((parts) => fc.constantFrom('', '', ' ', '>', ',', '\n').map((end) => [...parts, end].join('')))
const genuine = fc
  .tuple(
    fc.stringMatching(/^[\w!#$%&'*+/=?^`{|}~-]{1,20}(\.[\w!#$%&'*+/=?^`{|}~-]{1,20})?$/),
    fc.constantFrom('example.com', 'EXAMPLE.org', 'bücher.example', 'BÜCHER.example', 'faß.example', '日本。example')
  )
  .map((parts) => parts.join('@'))
const spoilt = fc.tuple(genuine, fc.nat(), nasty).map(([text, at, put]) => {
  const place = at % (text.length + 1)
  return text.slice(0, place) + put + text.slice(place)
})
export const hostileAddress = fc.oneof(framed, spoilt, genuine)

const hostileValue = fc.oneof(
  { weight: 3, arbitrary: hostileText },
  fc.jsonValue(),
  fc.constantFrom(null, 0, -0, 1e308, true)
)

/** Texts that the service could be sent as a body; `members` are hostile or genuine values of the members it knows. */
export function hostileBody(members: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<string> {
  const values = Object.entries(members).map(([name, value]) => [
    name,
    fc.oneof({ weight: 3, arbitrary: value }, { weight: 1, arbitrary: hostileValue })
  ])
  const known = Object.fromEntries(values) as Record<string, fc.Arbitrary<unknown>>
  const more = fc.dictionary(hostileText, hostileValue, { maxKeys: 1 })
  const near = fc
    .tuple(
      fc.oneof({ weight: 3, arbitrary: fc.record(known) }, fc.record(known, { requiredKeys: [] })),
      fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, more)
    )
    .map(([members, others]) => JSON.stringify({ ...members, ...others }))
  const torn = fc.tuple(near, fc.nat(), fc.nat(3), nasty).map(([text, at, cut, put]) => {
    const place = at % (text.length + 1)
    return text.slice(0, place) + put + text.slice(place + cut)
  })
  return fc.oneof({ weight: 4, arbitrary: near }, { weight: 2, arbitrary: torn }, fc.json(), hostileText)
}

/** A hundred times ten at once make the thousand. */
export const RUNS = { numRuns: 100 }
export const ten = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(one, { minLength: 10, maxLength: 10 })

type Request = { method?: Dispatcher.HttpMethod; body?: string; headers?: Record<string, string> }

/** Sends what may be anything; whatever is refused must be refused as a problem, and nothing may be a fault of ours. */
export async function isAnswered(url: string, { method = 'POST', body, headers = {} }: Request): Promise<number> {
  const typed = body === undefined ? headers : { 'content-type': 'application/json', ...headers }
  const { statusCode, body: answer } = await request(url, { method, headers: typed, body: body ?? null })
  const text = await answer.text()
  if (statusCode >= 500) throw new Error(`${statusCode}: ${text}`)
  if (statusCode >= 400 && JSON.parse(text).status !== statusCode) throw new Error(`no problem: ${text}`)
  return statusCode
}
