import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { type ChallengeRef, type RefreshRef, secretsOf } from '../../src/keys/secrets.ts'
import { idsOfDays } from '../../src/lib/identifier.ts'
import { newKey } from '../helper.ts'
import { withKey } from '../pair.ts'
import { another, email, startWithPasswords } from '../password/with-password.ts'
import { refused } from '../session/signed-in.ts'

/** A service in the middle of a rotation, and a thief who has the older of its master keys. */
async function startRobbed(t: Test) {
  const [older, newest] = [newKey(), newKey()]
  const world = await startWithPasswords(t, { SECRET_KEYS: `${newest},${older}`, CODE_RESEND_AFTER: '0' })
  await world.signIn(email)
  await world.emptyLanes()
  const thief = secretsOf([Buffer.from(older, 'base64url')])
  return { ...world, thief, keyId: thief.ring.newest.id }
}

t.test('who has an older master key makes no code for what the newest one made', async (t) => {
  const { api, ctx, thief, keyId, codeOf } = await startRobbed(t)
  const { challenge } = (await api.requestOtp({ email })).body
  const forged = { ...(ctx.secrets.readChallenge(challenge) as ChallengeRef), keyId }
  const token = thief.challengeToken(forged)

  const resent = await api.resendOtp({ challenge: token })
  const verified = await api.verifyOtp({ challenge: token, code: thief.code(forged) })

  refused(t, resent, 'code-rejected')
  refused(t, verified, 'code-rejected')
  t.equal((await api.verifyOtp({ challenge, code: codeOf(challenge) })).status, 200, 'and the genuine one goes on')
})

t.test('who has an older master key makes no link for a reset whose id they chose', async (t) => {
  const { api, sql, thief, keyId } = await startRobbed(t)
  const key = randomUUID()
  const [id] = idsOfDays('reset', key, email)
  await api.requestPasswordReset({ email }, withKey(key))
  const token = thief.resetToken({ keyId, id })

  const inspected = await api.inspectPasswordReset({ token })
  const reset = await api.resetPassword({ token, password: another })

  t.equal((await sql('select 1 from postern.password_reset where id = $1', [id])).length, 1, 'they know its id')
  refused(t, inspected, 'reset-rejected')
  refused(t, reset, 'reset-rejected')
})

t.test('who has an older master key and a copied refresh token makes no later one of its session', async (t) => {
  const { api, ctx, thief, keyId, signIn } = await startRobbed(t)
  const { refresh_token } = (await signIn('ines@example.com')).body
  const copied = ctx.secrets.readRefresh(refresh_token) as RefreshRef

  for (const generation of [copied.generation, copied.generation + 1, copied.generation + 7])
    refused(
      t,
      await api.refreshSession({ refresh_token: thief.refreshToken({ ...copied, keyId, generation }) }),
      'refresh-rejected'
    )

  t.equal((await api.refreshSession({ refresh_token })).status, 200, 'and the genuine one goes on')
})
