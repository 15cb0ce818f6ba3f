import { domainToASCII } from 'node:url'
import fc from 'fast-check'
import t from 'tap'
import { domainOf, maskAddress, parseAddress } from '../../src/lib/email.ts'

t.test('the spellings of one mailbox have one key', async (t) => {
  const spellings = [
    'Maya@Münch.example',
    ' maya@münch.example ',
    'MAYA@MÜNCH.EXAMPLE',
    'maya@mu\u0308nch.example',
    'maya@xn--mnch-0ra.example',
    'maya@XN--MNCH-0RA.Example',
    'maya@ｍünch.example',
    'maya@münch。example',
    'maya@münch．example'
  ]

  const keys = spellings.map((spelling) => parseAddress(spelling)?.key)

  t.same([...new Set(keys)], ['maya@xn--mnch-0ra.example'])
})

t.test('mail keeps the letters that were typed before the at sign', async (t) => {
  const address = parseAddress(' Maya.Lund@Example.COM')

  t.same(address, { spelling: 'Maya.Lund@example.com', key: 'maya.lund@example.com' })
})

t.test('dots and plus tags name mailboxes of their own', async (t) => {
  const typed = ['maya@gmail.com', 'm.aya@gmail.com', 'maya+news@gmail.com', 'maya-1@gmail.com', "o'hara_{x}@gmail.com"]

  const keys = typed.map((address) => parseAddress(address)?.key)

  t.same(keys, typed)
})

t.test('what is not one plain address is refused', async (t) => {
  const refused = [
    '',
    '@',
    'maya',
    '@example.com',
    'maya@',
    'maya@example',
    'maya@localhost',
    'maya@.example.com',
    'maya@example..com',
    'maya@example.com.',
    'maya@-example.com',
    'maya@example-.com',
    'maya@exa mple.com',
    'maya@exa_mple.com',
    'maya@192.0.2.1',
    'maya@[192.0.2.1]',
    'maya@0x7f.1',
    'maya@example.123',
    '.maya@example.com',
    'maya.@example.com',
    'ma..ya@example.com',
    'ma ya@example.com',
    '"maya"@example.com',
    'maya(home)@example.com',
    'Maya <maya@example.com>',
    'maya@example.com, ines@example.com',
    'maya@example.com;ines@example.com',
    'maya@ines@example.com',
    'maya@example.com\r\nBcc: ines@example.com',
    'maya\u0000@example.com',
    'maya\u202e@example.com',
    'mäya@example.com',
    'ｍaya@example.com',
    'maya＠example.com',
    'maya@exam\ud800ple.com',
    'maya@%65xample.com',
    'maya@example.com/path',
    'maya@example.com:25',
    'maya@a\u00adb\u200b'
  ]

  const read = refused.filter((typed) => parseAddress(typed) !== undefined)

  t.same(read, [])
})

t.test('lengths end where mail servers end them', async (t) => {
  const label = 'a'.repeat(63)
  const longest = `${'m'.repeat(60)}@${label}.${label}.${label}.a`
  const fits = [`${'m'.repeat(64)}@example.com`, `maya@${label}.example`, longest]
  const tooLong = [`${'m'.repeat(65)}@example.com`, `maya@${label}a.example`, `${longest}b`]

  t.equal(longest.length, 254)
  t.same(
    fits.filter((typed) => parseAddress(typed) === undefined),
    []
  )
  t.same(
    tooLong.filter((typed) => parseAddress(typed) !== undefined),
    []
  )
})

t.test('a domain that grows over the limit as A-label is refused', async (t) => {
  const typed = `maya@${'ü'.repeat(62)}.example`

  t.equal(parseAddress(typed), undefined)
})

t.test('a key is its own key, and no text at all makes the reader throw', async (t) => {
  const domain = fc.string({
    unit: fc.constantFrom('a', 'Z', '1', '-', '.', 'ü', 'ß', 'İ', 'ﬁ', '。', 'ｅ', '\u0308'),
    maxLength: 20
  })
  const local = fc.string({ unit: fc.constantFrom('a', 'Z', '0', '.', '+', "'", 'é', '"', ' '), maxLength: 10 })
  const addressLike = fc.tuple(local, domain).map(([name, host]) => `${name}@${host}.example`)
  let read = 0

  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), addressLike), (typed) => {
      const address = parseAddress(typed)
      if (address === undefined) return true
      read += 1
      return (
        parseAddress(address.key)?.key === address.key &&
        parseAddress(address.spelling)?.key === address.key &&
        /^[\x21-\x7e]+$/.test(address.spelling)
      )
    }),
    { numRuns: 5000 }
  )

  t.ok(read > 100, `${read} of the texts were addresses`)
})

t.test('a domain of letters, digits and hyphens has the key that the URL standard gives it', async (t) => {
  const label = fc.string({ unit: fc.constantFrom('a', 'Q', 'x', 'n', '0', '7', 'f', '-'), maxLength: 6 })
  const domain = fc.array(label, { minLength: 2, maxLength: 4 }).map((labels) => labels.join('.'))
  let read = 0

  fc.assert(
    fc.property(domain, (typed) => {
      const address = parseAddress(`maya@${typed}`)
      read += address === undefined ? 0 : 1
      return address === undefined || address.key === `maya@${domainToASCII(typed)}`
    }),
    { numRuns: 5000 }
  )

  t.ok(read > 100, `${read} of the texts were addresses`)
  for (const numeric of ['1.2.3.0x7f', 'a.0x1', '127.0.0.1'])
    t.equal(parseAddress(`maya@${numeric}`), undefined, numeric)
})

t.test('a masked address shows its first letter and its domain', async (t) => {
  t.equal(maskAddress('maya@example.com'), 'm•••@example.com')
})

t.test('the domain of an address is in lower case', async (t) => {
  t.equal(domainOf('Maya@Example.COM'), 'example.com')
})
