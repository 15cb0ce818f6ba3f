import t, { type Test } from 'tap'
import { until } from '../helper.ts'
import { pair } from '../pair.ts'
import { email, another as otherPassword, password } from '../password/with-password.ts'
import { rawSocket, readAnswer } from '../raw-socket.ts'

type Late = { method: string; path: string; body?: object }

/** Somebody who is signed in twice, and a stranger's hands on the first session. */
async function startStolen(t: Test) {
  const world = await pair(t, { BCRYPT_COST: '4' })
  const stolen = (await world.signIn(email)).body
  await world.api.changePassword({ password }, { bearer: stolen.access_token })
  const owner = (await world.signIn(email)).body

  /** A request of the stolen session whose body comes when the session has ended. */
  const late = async ({ method, path, body = {} }: Late) => {
    const bytes = JSON.stringify(body)
    const held = await world.hold('lock table postern.session in access exclusive mode')
    const socket = await rawSocket(t, world.url)
    socket.write(
      `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${stolen.access_token}\r\nContent-Type: application/json\r\nContent-Length: ${bytes.length}\r\n\r\n`
    )
    await world.waiting(1)
    await held.query('commit')
    const before = await world.api.getSession({ bearer: stolen.access_token }) // behind the request, which is let in by then
    await world.second.api.endSession({ bearer: owner.access_token, id: stolen.session.id })
    socket.write(bytes)
    const answer = await until(async () => readAnswer(socket.said()))
    return { before: before.status, status: answer.status, code: JSON.parse(answer.text || '{}').code }
  }
  return { ...world, stolen, owner, late }
}

const refused = { before: 200, status: 401, code: 'session-rejected' }

t.test('a request whose body comes when its session has ended does nothing', async (t) => {
  const requests: (Late & { what: string })[] = [
    { what: 'ending all other sessions', method: 'DELETE', path: '/v1/me/sessions' },
    { what: 'ending a session', method: 'DELETE', path: '/v1/me/sessions/:session' },
    { what: 'forgetting a device', method: 'DELETE', path: '/v1/me/devices/:device' },
    { what: 'changing the language', method: 'PATCH', path: '/v1/me', body: { locale: 'de' } },
    { what: 'leaving', method: 'DELETE', path: '/v1/me' },
    {
      what: 'changing the password',
      method: 'PUT',
      path: '/v1/me/password',
      body: { current_password: password, password: otherPassword }
    },
    {
      what: 'guessing the password',
      method: 'PUT',
      path: '/v1/me/password',
      body: { current_password: 'none of theirs', password: otherPassword }
    }
  ]
  for (const { what, path, ...request } of requests)
    await t.test(what, async (t) => {
      const { api, owner, late } = await startStolen(t)
      const bearer = owner.access_token
      const devices = (await api.listDevices({ bearer })).body.devices
      const ids: Record<string, string> = { ':session': owner.session.id, ':device': devices[0].id }

      const answer = await late({ ...request, path: path.replace(/:\w+$/, (name) => ids[name] as string) })

      t.match(answer, refused)
      t.match((await api.getMe({ bearer })).body, { locale: 'en', has_password: true })
      t.strictSame((await api.listDevices({ bearer })).body.devices, devices)
    })
})
