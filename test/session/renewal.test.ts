import { randomUUID } from 'node:crypto'
import t from 'tap'
import { start } from '../helper.ts'
import { pair, withKey } from '../pair.ts'

const [maya, noor] = ['maya@example.com', 'noor@example.com']

t.test('signing in to an account of one’s own with somebody else’s bearer makes that session no fresher', async (t) => {
  const { api, signIn, codeOf, sql } = await start(t)
  const stolen = (await signIn(maya)).body.access_token
  await signIn(noor)
  await sql(`update postern.session set authenticated_at = now() - interval '10 minutes'`)
  const { challenge } = (await api.requestOtp({ email: noor })).body

  const own = await api.verifyOtp({ challenge, code: codeOf(challenge) }, { bearer: stolen })

  t.match(own, { status: 200, body: { user: { email: noor }, refresh_token: String } })
  t.match(await api.deleteMe({ bearer: stolen }), { status: 403, problem: { code: 'step-up-required' } })
})

t.test('a repeat of a renewal answers nobody else’s session that began at the same moment', async (t) => {
  const { api, signIn, codeOf, sql } = await start(t)
  const bearer = (await signIn(maya)).body.access_token
  const { challenge } = (await api.requestOtp({ email: maya })).body
  const attempt = { challenge, code: codeOf(challenge) }
  const key = withKey(randomUUID())
  const renewed = await api.verifyOtp(attempt, { bearer, ...key })
  await signIn(noor)
  await sql(
    `update postern.session set authenticated_at =
    (select authenticated_at from postern.session where id = $1)`,
    [renewed.body.session.id]
  )
  await api.logout({}, { bearer })

  const repeated = await api.verifyOtp(attempt, key)

  t.equal(renewed.status, 200)
  t.match(repeated, { status: 401, problem: { code: 'code-rejected' } })
})

t.test('who signs in beside a session that ends on the way is given another', async (t) => {
  const { api, signIn, codeOf, hold, waiting, sql } = await pair(t)
  const { body: first } = await signIn(maya)
  const { challenge } = (await api.requestOtp({ email: maya })).body
  const budget = await hold('select from postern.address_budget for update')

  const signingIn = api.verifyOtp({ challenge, code: codeOf(challenge) }, { bearer: first.access_token })
  await waiting(1)
  await sql('update postern.session set revoked_at = now()')
  await budget.query('commit')
  const { status, body } = await signingIn

  t.equal(status, 200)
  t.not(body.session.id, first.session.id)
  t.equal((await api.getSession({ bearer: body.access_token })).status, 200)
})

t.test(
  'who proves the address of an account that an import made is signed in, also beside a session of before',
  async (t) => {
    const { api, signIn, codeOf, sql } = await start(t)
    const bearer = (await signIn(maya)).body.access_token
    await sql(`update postern."user" set email_verified_at = null`)
    const { challenge } = (await api.requestOtp({ email: maya })).body

    const proven = await api.verifyOtp({ challenge, code: codeOf(challenge) }, { bearer })

    t.equal(proven.status, 200)
    t.equal((await api.getSession({ bearer: proven.body.access_token })).status, 200)
  }
)

t.test('of people who sign in at once each gets a session, and a device, whoever renews one beside them', async (t) => {
  const { api, signIn, codeOf, sql } = await start(t)
  const people = await Promise.all(
    Array.from({ length: 24 }, async (_, nth) => {
      const email = `person${nth}@example.com`
      const known = nth % 2 === 0 ? (await signIn(email)).body : undefined
      const asked = await api.requestOtp({ email, ...(known && { device_token: known.device_token }) })
      const challenge: string = asked.body.challenge
      return {
        attempt: { challenge, code: codeOf(challenge) },
        bearer: nth % 4 === 0 ? known?.access_token : undefined
      }
    })
  )

  const answers = await Promise.all(
    people.map(({ attempt, bearer }) => api.verifyOtp(attempt, bearer === undefined ? {} : { bearer }))
  )

  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  const checks = await Promise.all(answers.map(({ body }) => api.getSession({ bearer: body.access_token })))
  t.ok(checks.every(({ status }) => status === 200))
  t.equal((await sql('select from postern.device')).length, 24)
})
