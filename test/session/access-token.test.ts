import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import t, { type Test } from 'tap'
import { SigningKeys } from '../../src/keys/signing.ts'
import { HOUR } from '../../src/lib/time.ts'
import { decode, es256, handMade, isSignedBy, type Jwk, privateKeyOf } from '../keys/tokens.ts'
import { refused, startSignedIn } from './signed-in.ts'

const nowInSeconds = (): number => Math.floor(Date.now() / 1000)

/** A world, the access token in it taken apart, and the keys to make others. */
async function startWithToken(t: Test) {
  const world = await startSignedIn(t)
  const token: string = world.session.access_token
  const { body: jwks } = await world.api.getJwks()
  const { header, claims } = decode(token)
  const [head, middle, signature] = token.split('.') as [string, string, string]
  const privateKey = await privateKeyOf(world, header.kid)
  const use = (bearer: string) => world.api.getSession({ bearer })
  return { ...world, token, keys: jwks.keys as Jwk[], header, claims, head, middle, signature, privateKey, use }
}

t.test('an access token is what its contract says, and anybody can check it with the published key', async (t) => {
  const { token, keys, header, claims, session, sessionId } = await startWithToken(t)

  const genuine = isSignedBy(token, keys)

  t.ok(genuine)
  t.strictSame(header, { alg: 'ES256', typ: 'at+jwt', kid: keys[0]?.kid })
  t.strictSame(Object.keys(claims).sort(), ['amr', 'aud', 'exp', 'iat', 'iss', 'jti', 'sid', 'sub'])
  t.match(claims, {
    iss: 'http://localhost:3000',
    aud: 'http://localhost:3000',
    sub: session.user.id,
    sid: sessionId,
    jti: /^[0-9a-f-]{36}$/,
    amr: ['otp']
  })
  t.equal((claims.exp as number) - (claims.iat as number), session.expires_in)
  t.ok(Math.abs((claims.iat as number) - nowInSeconds()) < 60)
})

t.test('the audience can be set, and each token has a number of its own', async (t) => {
  const { session, refresh, token } = await startSignedIn(t, { TOKEN_AUDIENCE: 'https://api.example.com' })
  const { body } = await refresh(token)

  const [first, second] = [decode(session.access_token).claims, decode(body.access_token).claims]

  t.match(first, { iss: 'http://localhost:3000', aud: 'https://api.example.com' })
  t.equal(second.sid, first.sid)
  t.not(second.jti, first.jti)
})

t.test('the published keys are public, may be kept for five minutes, and hold nothing private', async (t) => {
  const { api } = await startWithToken(t)

  const answer = await api.getJwks()

  t.equal(answer.headers.get('cache-control'), 'public, max-age=300')
  t.equal(answer.body.keys.length, 1)
  t.match(answer.body.keys[0], { kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' })
  t.strictSame(Object.keys(answer.body.keys[0]).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
})

t.test('a hand-made token with everything right is taken, so that the next test means something', async (t) => {
  const { header, claims, privateKey, use } = await startWithToken(t)

  const answer = await use(handMade(header, claims, es256(privateKey)))

  t.equal(answer.status, 200)
})

t.test('a token that is not exactly ours is refused', async (t) => {
  const { header, claims, head, middle, signature, privateKey, keys, use, token } = await startWithToken(t)
  const published = keys[0] as Jwk
  const publicKey = createPublicKey({ key: published, format: 'jwk' })
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const hmac = (secret: string | Buffer) => (text: string) => createHmac('sha256', secret).update(text).digest()
  const genuine = es256(privateKey)
  const flipped = `${signature.slice(0, 20)}${signature[20] === 'A' ? 'B' : 'A'}${signature.slice(21)}`
  const other = { ...claims, sub: '0198c5a1-7b1e-7c33-9d0c-0c5d2f6a1b42' }
  const forgeries: Record<string, string> = {
    'alg none': handMade({ ...header, alg: 'none' }, claims, () => Buffer.alloc(0)),
    'alg none with the old signature': `${handMade({ ...header, alg: 'none' }, claims, () => Buffer.alloc(0))}${signature}`,
    'no alg': handMade({ typ: 'at+jwt', kid: header.kid }, claims, genuine),
    'HS256 under the public key': handMade({ ...header, alg: 'HS256' }, claims, hmac(pem)),
    'HS256 under the trimmed public key': handMade({ ...header, alg: 'HS256' }, claims, hmac(pem.trim())),
    'HS256 under the JWK': handMade({ ...header, alg: 'HS256' }, claims, hmac(JSON.stringify(published))),
    'HS256 under the kid': handMade({ ...header, alg: 'HS256' }, claims, hmac(published.kid)),
    'HS256 under nothing': handMade({ ...header, alg: 'HS256' }, claims, hmac('')),
    'claims changed': `${head}.${Buffer.from(JSON.stringify(other)).toString('base64url')}.${signature}`,
    'signature changed': `${head}.${middle}.${flipped}`,
    'signature cut off': `${head}.${middle}.`,
    'no signature': `${head}.${middle}`,
    'a signature of zeros': `${head}.${middle}.${Buffer.alloc(64).toString('base64url')}`,
    'a fourth part': `${token}.x`,
    'a key of somebody else under our kid': handMade(header, claims, es256(own.privateKey)),
    'a key that the token brings along': handMade(
      { ...header, jwk: own.publicKey.export({ format: 'jwk' }) },
      claims,
      es256(own.privateKey)
    ),
    'a kid that is none of ours': handMade({ ...header, kid: 'x' }, claims, genuine),
    'no kid': handMade({ alg: 'ES256', typ: 'at+jwt' }, claims, genuine),
    'a kid that is no text': handMade({ ...header, kid: { toString: 1 } }, claims, genuine),
    'a kid that every object has': handMade({ ...header, kid: '__proto__' }, claims, genuine),
    'another issuer': handMade(header, { ...claims, iss: 'https://evil.example' }, genuine),
    'another audience': handMade(header, { ...claims, aud: 'https://evil.example' }, genuine),
    ...Object.fromEntries(
      ['iss', 'aud', 'sub', 'sid', 'exp'].map((claim) => [
        `no ${claim}`,
        handMade(header, { ...claims, [claim]: undefined }, genuine)
      ])
    ),
    'an id token of the same key': handMade({ ...header, typ: 'JWT' }, claims, genuine),
    'no typ': handMade({ ...header, typ: undefined }, claims, genuine),
    'a session that never was': handMade(header, { ...claims, sid: other.sub }, genuine)
  }

  for (const [what, forged] of Object.entries(forgeries)) {
    const answer = await use(forged)

    refused(t, answer, 'session-rejected', what)
    t.equal(answer.headers.get('www-authenticate'), 'Bearer error="invalid_token"')
  }
  t.equal((await use(token)).status, 200)
})

t.test('a token that the same keys signed for another service is refused', async (t) => {
  const { ctx, claims, use } = await startWithToken(t)
  const elsewhere = new SigningKeys({
    db: ctx.db,
    secrets: ctx.secrets,
    issuer: 'https://staging.example.com',
    audience: 'https://staging.example.com'
  })
  await elsewhere.reload()
  const { iss: _iss, aud: _aud, ...rest } = claims

  const answer = await use(elsewhere.sign(rest as Parameters<typeof elsewhere.sign>[0]))

  refused(t, answer, 'session-rejected')
})

t.test('a token that has run out is refused', async (t) => {
  const { ctx, session, sessionId, use } = await startWithToken(t)
  const base = { sub: session.user.id, sid: sessionId, jti: 'x', iat: nowInSeconds() - 600, amr: ['otp'] }

  const over = await use(ctx.signing.sign({ ...base, exp: nowInSeconds() - 1 }))
  const good = await use(ctx.signing.sign({ ...base, exp: nowInSeconds() + 30 }))

  refused(t, over, 'session-rejected')
  t.equal(good.status, 200)
})

for (const [words, seconds] of [
  ['two hours behind', -2 * HOUR],
  ['two hours ahead', 2 * HOUR]
] as const)
  t.test(`an instance whose clock is ${words} judges and makes the same tokens`, async (t) => {
    const { ctx, session, sessionId, use, token, refresh } = await startWithToken(t)
    const real = Date.now
    const base = { sub: session.user.id, sid: sessionId, jti: 'x', iat: nowInSeconds() - 600, amr: ['otp'] }
    const over = ctx.signing.sign({ ...base, exp: nowInSeconds() - 5 })
    t.teardown(() => Object.assign(Date, { now: real }))
    Date.now = () => real() + seconds * 1000

    const [good, ended, refreshed] = [await use(token), await use(over), await refresh(session.refresh_token)]

    t.equal(good.status, 200)
    refused(t, ended, 'session-rejected')
    const { iat, exp } = decode(refreshed.body.access_token).claims as { iat: number; exp: number }
    t.ok(Math.abs(iat - real() / 1000) < 60)
    t.equal(exp - iat, 600)
    t.equal((await use(refreshed.body.access_token)).status, 200)
  })

t.test('a bearer is read as clients write it, and nothing else is', async (t) => {
  const { token, api } = await startWithToken(t)
  const status = async (authorization: string) => (await api.getSession({ headers: { authorization } })).status

  t.strictSame(
    await Promise.all([`Bearer ${token}`, `bearer ${token}`, `BEARER ${token}`].map(status)),
    [200, 200, 200]
  )
  for (const odd of [
    token,
    `Basic ${token}`,
    `Bearer${token}`,
    `Bearer  ${token}`,
    `Bearer ${token}, x`,
    'Bearer',
    ''
  ]) {
    t.equal(await status(odd), 401, odd.slice(0, 12))
  }
  t.equal((await api.getSession()).status, 401)
})
