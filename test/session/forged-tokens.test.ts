import t, { type Test } from 'tap'
import { type RefreshRef, secretsOf } from '../../src/keys/secrets.ts'
import { keyIdOf, mint } from '../../src/lib/capability.ts'
import { newId } from '../../src/lib/identifier.ts'
import { newKey } from '../helper.ts'
import { refused, startSignedIn } from './signed-in.ts'

const PAYLOAD_BYTES = 16 + 4 + 16

/** Changes one character, at a place where each character means bits. */
const changed = (token: string, at: number): string =>
  token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)

/** A world, and everything that somebody without the person's token could come up with. */
async function startForger(t: Test) {
  const world = await startSignedIn(t)
  const { ctx, token, session, sessionId, api, email } = world
  const { challenge } = (await api.requestOtp({ email })).body
  const strangers = secretsOf([Buffer.from(newKey(), 'base64url')])
  const rows = await world.sql<{ seed_hash: Buffer }>('select seed_hash from postern.session')
  const own = { keyId: ctx.secrets.ring.newest.id, sessionId, generation: 1 }
  const payload = Buffer.from(token.slice(4), 'base64url').subarray(4, 4 + PAYLOAD_BYTES) // all that is in the genuine one
  const forgeries: Record<string, string> = {
    'no token at all': 'x',
    'white space': ' ',
    'a NUL': '\u0000',
    'an emoji': '🗝️',
    'a lone surrogate': '\ud800',
    'the longest text': 'r'.repeat(512),
    'the prefix alone': 'rfr_',
    'a token cut off': token.slice(0, -1),
    'a token with more behind it': `${token}A`,
    'a token in padded base64': `${token}=`,
    'a token with white space around it': ` ${token} `,
    'a token with another prefix': token.replace('rfr_', 'chl_'),
    'a token in capitals': token.toUpperCase(),
    'another key id': changed(token, 5),
    'another session': changed(token, 20),
    'another generation': changed(token, 34),
    'another seed': changed(token, 45),
    'another MAC': changed(token, token.length - 4),
    'the start of an access token': session.access_token.slice(0, 512),
    'a challenge token': challenge,
    'a challenge token under the prefix of refresh tokens': challenge.replace('chl_', 'rfr_'),
    'a MAC made for another purpose': mint(
      { prefix: 'rfr_', purpose: 'challenge', payloadBytes: PAYLOAD_BYTES },
      ctx.secrets.ring.newest,
      payload
    ),
    'a MAC made for another prefix': mint(
      { prefix: 'dev_', purpose: 'refresh', payloadBytes: PAYLOAD_BYTES },
      ctx.secrets.ring.newest,
      payload
    ).replace('dev_', 'rfr_'),
    'a token of another service': strangers.refreshToken({
      ...own,
      keyId: strangers.ring.newest.id,
      seed: strangers.newSeed()
    }),
    'what the master key alone can make': ctx.secrets.refreshToken({ ...own, seed: ctx.secrets.newSeed() }),
    'what master key and database can make': ctx.secrets.refreshToken({
      ...own,
      seed: (rows[0]?.seed_hash ?? Buffer.alloc(0)).subarray(0, 16)
    }),
    'a token of a session that never was': ctx.secrets.refreshToken({
      ...own,
      sessionId: newId(),
      seed: ctx.secrets.newSeed()
    })
  }
  return { ...world, challenge: challenge as string, forgeries }
}

t.test('no forged refresh token is taken, none is a fault of ours, and the session goes on', async (t) => {
  const { forgeries, refresh, token } = await startForger(t)

  for (const [what, forged] of Object.entries(forgeries)) refused(t, await refresh(forged), 'refresh-rejected', what)

  t.equal((await refresh(token)).status, 200)
})

t.test('an old master key and an old token together do not make the current one', async (t) => {
  const [older, newest] = [newKey(), newKey()]
  const { token, refresh, ctx } = await startSignedIn(t, { SECRET_KEYS: `${newest},${older}` })
  const stolen = ctx.secrets.readRefresh(token) as RefreshRef
  const keyId = keyIdOf(Buffer.from(older, 'base64url'))

  for (const generation of [stolen.generation, stolen.generation + 1])
    refused(t, await refresh(ctx.secrets.refreshToken({ ...stolen, keyId, generation })), 'refresh-rejected')

  t.equal((await refresh(token)).status, 200)
})

t.test('no forged refresh token signs anybody out', async (t) => {
  const { forgeries, api, token, refresh } = await startForger(t)

  for (const [what, forged] of Object.entries(forgeries)) {
    const answer = await api.logout({ refresh_token: forged })
    t.ok(answer.status === 401 || answer.status === 204, what) // a genuine token whose session is gone is 204
  }

  t.equal((await refresh(token)).status, 200)
})

t.test('no other kind of token passes for a bearer or for a challenge', async (t) => {
  const { forgeries, api, token, challenge, codeOf } = await startForger(t)
  const headerSafe = Object.entries(forgeries).filter(([, forged]) => /^[\x20-\x7e]+$/.test(forged))

  for (const [what, bearer] of [...headerSafe, ['a refresh token', token] as const])
    refused(t, await api.getSession({ bearer }), 'session-rejected', what)
  for (const [what, forged] of Object.entries({ ...forgeries, 'a refresh token': token })) {
    if (forged === challenge) continue
    refused(t, await api.verifyOtp({ challenge: forged, code: codeOf(challenge) }), 'code-rejected', what)
    refused(t, await api.resendOtp({ challenge: forged }), 'code-rejected', what)
  }

  t.equal((await api.verifyOtp({ challenge, code: codeOf(challenge) })).status, 200, 'and no try was spent')
})

t.test('only session-rejected asks a generic client to refresh', async (t) => {
  const { api, refresh, challenge } = await startForger(t)

  const answers = {
    'Bearer error="invalid_token"': await api.getSession({ bearer: 'x' }),
    'Postern-Refresh': await refresh('x'),
    'Postern-Code': await api.verifyOtp({ challenge, code: '1' })
  }

  for (const [scheme, answer] of Object.entries(answers)) {
    t.equal(answer.status, 401)
    t.equal(answer.headers.get('www-authenticate'), scheme)
  }
})

t.test('a refresh token that is no text, empty, or too long is a fault of the request', async (t) => {
  const { api, session } = await startForger(t)

  for (const given of ['', 7, {}, [], true, 'r'.repeat(513), session.access_token]) {
    const answer = await api.refreshSession({ refresh_token: given })
    t.match(answer.problem, { status: 400, code: 'invalid-request' }, JSON.stringify(given))
  }
})
