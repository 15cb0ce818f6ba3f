import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { keyIdOf, keyRing, mint, read, sameText, type TokenKind } from '../../src/lib/capability.ts'

const kind: TokenKind = { prefix: 'chl_', purpose: 'challenge', payloadBytes: 18 }
const payload = randomBytes(18)
const [first, second] = [randomBytes(32), randomBytes(32)]

t.test('a token gives back what it was made of, and the key that made it', async (t) => {
  const ring = keyRing([first])

  const found = read(kind, ring, mint(kind, ring.newest, payload))

  t.same(found?.payload, payload)
  t.equal(found?.key, ring.newest)
})

t.test('the first key makes, all verify', async (t) => {
  const before = keyRing([first])
  const after = keyRing([second, first])

  const old = mint(kind, before.newest, payload)
  const fresh = mint(kind, after.newest, payload)

  t.equal(after.newest.id, keyIdOf(second))
  t.same(after.ids, [keyIdOf(second), keyIdOf(first)])
  t.equal(read(kind, after, old)?.key.id, keyIdOf(first))
  t.equal(read(kind, after, fresh)?.key.id, keyIdOf(second))
  t.equal(read(kind, before, fresh), undefined)
})

t.test('a token with any one bit changed is none', async (t) => {
  const ring = keyRing([first, second])
  const token = mint(kind, ring.newest, payload)
  const bytes = Buffer.from(token.slice(kind.prefix.length), 'base64url')

  const accepted: number[] = []
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes)
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
    if (read(kind, ring, kind.prefix + changed.toString('base64url')) !== undefined) accepted.push(bit)
  }

  t.same(accepted, [])
})

t.test('a token has one spelling', async (t) => {
  const ring = keyRing([first])
  const token = mint(kind, ring.newest, payload)
  const base64 = kind.prefix + Buffer.from(token.slice(4), 'base64url').toString('base64')
  const respelt = [`${token}=`, `${token}==`, `${token} `, ` ${token}`, `${token}\n`, `${token}.`, token.slice(0, -1)]
  const recased = [token.toUpperCase(), `CHL_${token.slice(4)}`, base64, token.replace('_', '_\u0000')]

  const accepted = [...respelt, ...recased].filter((text) => text !== token && read(kind, ring, text) !== undefined)

  t.same(accepted, [])
})

t.test('one kind never passes for another, not even one of the same size', async (t) => {
  const ring = keyRing([first])
  const others: TokenKind[] = [
    { ...kind, prefix: 'rst_' },
    { ...kind, purpose: 'refresh' },
    { ...kind, prefix: 'rfr_', purpose: 'refresh' },
    { ...kind, payloadBytes: 17 },
    { ...kind, payloadBytes: 19 }
  ]
  const token = mint(kind, ring.newest, payload)

  for (const other of others) {
    t.equal(read(other, ring, token), undefined)
    t.equal(read(other, ring, other.prefix + token.slice(4)), undefined)
  }
})

t.test('another master key knows nothing of a token, even under the same id', async (t) => {
  const ring = keyRing([first])
  const stranger = keyRing([second]).newest
  const disguised = { ...stranger, id: ring.newest.id, idBytes: ring.newest.idBytes }

  t.equal(read(kind, ring, mint(kind, stranger, payload)), undefined)
  t.equal(read(kind, ring, mint(kind, disguised, payload)), undefined)
})

t.test('no text at all is a token, and none makes the reader throw', async (t) => {
  const ring = keyRing([first])
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 512 }),
    fc.string({ unit: 'binary', maxLength: 512 }).map((rest) => `chl_${rest}`),
    fc.uint8Array({ minLength: 38, maxLength: 38 }).map((bytes) => `chl_${Buffer.from(bytes).toString('base64url')}`)
  )

  fc.assert(
    fc.property(text, (token) => read(kind, ring, token) === undefined),
    { numRuns: 3000 }
  )
  t.ok(read(kind, ring, mint(kind, ring.newest, Buffer.alloc(18))), 'and 38 bytes is what a token has')
})

t.test('a key is named by eight hex digits that are no part of it', async (t) => {
  t.match(keyIdOf(first), /^[0-9a-f]{8}$/)
  t.notOk(first.toString('hex').includes(keyIdOf(first)))
})

t.test('no keys make no ring', async (t) => {
  t.throws(() => keyRing([]), /at least one/)
})

t.test('texts are the same only when every byte is', async (t) => {
  t.equal(sameText('052731', '052731'), true)
  t.equal(sameText('052731', '052732'), false)
  t.equal(sameText('052731', '05273'), false)
  t.equal(sameText('', ''), true)
  t.equal(sameText('\ud800', '\ufffd'), true, 'which is why neither is ever a code')
})
