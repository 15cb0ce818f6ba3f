import t from 'tap'
import { newId } from '../../src/lib/identifier.ts'
import { newKey, startInstance, until } from '../helper.ts'
import { ownServer } from './own-server.ts'

const email = 'maya@example.com'
const password = 'sieben Zwetschgen im Korb'
const code = '000000'

t.test('an outage never looks like a sign-out, nor like a wrong password, code or link', async (t) => {
  const server = await ownServer(t)
  const running = await startInstance(t, server.url, { SECRET_KEYS: newKey(), BCRYPT_COST: '4' })
  const { api, ctx } = running
  const { challenge } = (await api.requestOtp({ email })).body
  const made = ctx.secrets.readChallenge(challenge)
  const { body } = await api.verifyOtp({ challenge, code: made ? ctx.secrets.code(made) : '' })
  const { access_token: bearer, refresh_token, device_token } = body
  await api.changePassword({ password }, { bearer })
  const { devices } = (await api.listDevices({ bearer })).body
  const token = ctx.secrets.resetToken({ keyId: ctx.secrets.ring.newest.id, id: newId() })

  await server.stopImmediately()
  const answers = await Promise.all([
    api.getSession({ bearer }),
    api.getMe({ bearer }),
    api.updateMe({ locale: 'fr' }, { bearer }),
    api.deleteMe({ bearer }),
    api.listSessions({ bearer }),
    api.endSession({ bearer, id: body.session.id }),
    api.endOtherSessions({ bearer }),
    api.listDevices({ bearer }),
    api.forgetDevice({ bearer, id: devices[0].id }),
    api.refreshSession({ refresh_token }),
    api.logout({ refresh_token }),
    api.requestOtp({ email, device_token }),
    api.resendOtp({ challenge }),
    api.verifyOtp({ challenge, code }),
    api.verifyOtp({ challenge, code }, { bearer }),
    api.loginWithPassword({ email, password }),
    api.loginWithPassword({ email, password: 'a wrong one' }, { bearer }),
    api.requestPasswordReset({ email }),
    api.inspectPasswordReset({ token }),
    api.resetPassword({ token, password }),
    api.changePassword({ current_password: password, password }, { bearer })
  ])
  const courier = await until(() => running.log.find((line) => line.includes('the courier cannot work')))
  await server.startAgain()
  const after = await until(async () => {
    const answer = await api.getSession({ bearer })
    return answer.status === 503 ? undefined : answer
  })

  for (const { status, headers, problem } of answers) {
    t.match({ status, problem }, { status: 503, problem: { code: 'unavailable' } })
    t.match(headers.get('retry-after'), /^[1-9]/)
  }
  t.equal(after.status, 200)
  t.equal((await api.loginWithPassword({ email, password })).status, 200)
  t.notOk(running.log.some((line) => line.includes(email)))
  t.match(JSON.parse(courier), { level: 'warn' }, 'something needed is out of reach, and nothing of ours is broken')
})
