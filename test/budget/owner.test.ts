import t from 'tap'
import { codeIn, until } from '../helper.ts'
import { email, password, tokenIn, another as wrong } from '../password/with-password.ts'
import { addressOf, from, underAttack } from './attacker.ts'

const HOUR = 3600
const HOME = '192.0.2.7'
/** Networks that the owner has not been to. */
const hotel = (day: number): string => `203.0.${day}.7`

/** Somebody with a device, a network and a password, whom an attacker from 1,000 addresses has chosen. */
async function chosen(...given: Parameters<typeof underAttack>) {
  const world = await underAttack(...given)
  const { api, codeOf, ask, guess, sql } = world
  const first = await api.requestOtp({ email }, from(HOME))
  const { challenge } = first.body
  const { body: proven } = await api.verifyOtp({ challenge, code: codeOf(challenge) }, from(HOME))
  await api.changePassword({ password }, { bearer: proven.access_token })
  const again = { email, password, device_token: proven.device_token }
  const { body: session } = await api.loginWithPassword(again, from(HOME)) // a new password forgot the network
  await sql(`delete from postern.known_network where network <> '192.0.2.0/24'`)

  /** Whatever an attacker can do to an address at one time. */
  const attack = async (): Promise<void> => {
    for (let asked = await ask(email); asked.status === 202; asked = await ask(email))
      if (asked.body.code_length < 13) await guess(asked.body.challenge, 4)
    for (let at = 0; at < 12; at++) {
      const { problem } = await api.loginWithPassword({ email, password: wrong }, from(addressOf(at)))
      if (problem.code === 'code-required') break
    }
    for (let at = 0; ; at++) if ((await api.requestPasswordReset({ email }, from(addressOf(at)))).status === 429) break
  }
  /** A sign-in by code from an address, with a device's token or without. */
  const byCode = async (address: string, device_token?: string) => {
    const asked = await api.requestOtp({ email, ...(device_token && { device_token }) }, from(address))
    if (asked.status !== 202) return { asked, verified: asked }
    const { challenge } = asked.body
    return { asked, verified: await api.verifyOtp({ challenge, code: codeOf(challenge) }, from(address)) }
  }
  const byPassword = (address: string, given: string, device_token?: string) =>
    api.loginWithPassword({ email, password: given, ...(device_token && { device_token }) }, from(address))
  return { ...world, session, attack, byCode, byPassword }
}

t.test('for thirty days of attack an owner signs in from a trusted device and from a known network', async (t) => {
  const { session, attack, byCode, byPassword, rest } = await chosen(t)
  let device: string = session.device_token

  const failed: string[] = []
  const note = (what: string, day: number, { status }: { status: number }) => {
    if (status !== 200) failed.push(`${what} on day ${day}: ${status}`)
  }
  const lengths = new Set<number>()
  for (let day = 1; day <= 30; day++) {
    await attack()
    const travelling = await byCode(hotel(day), device)
    note('device, code', day, travelling.verified)
    device = travelling.verified.body.device_token
    const again = await byPassword(hotel(100 + day), password, device)
    note('device, password', day, again)
    device = again.body.device_token
    const home = await byCode(HOME)
    note('network, code', day, home.verified)
    note('network, password', day, await byPassword(HOME, password))
    for (const { asked } of [travelling, home]) lengths.add(asked.body.code_length)
    await rest(24 * HOUR)
  }

  t.same(failed, [])
  t.same([...lengths], [6], 'and they never see the long codes of strangers')
})

t.test('from a new network the code is longer, and arrives while the lane has room', async (t) => {
  const { attack, ask, api, rest, inbox } = await chosen(t)
  for (let day = 1; day <= 3; day++) {
    await attack()
    await rest(24 * HOUR)
  }

  const { status, body } = await api.requestOtp({ email }, from(hotel(1)))
  const { text } = await until(() => inbox?.mails(email).find(({ text }) => text.includes(body.reference)))
  const verified = await api.verifyOtp({ challenge: body.challenge, code: codeIn(text) }, from(hotel(1)))

  t.equal(status, 202)
  t.equal(body.code_length, 13)
  t.equal(verified.status, 200)
  while ((await ask(email)).status === 202);
  t.equal((await api.requestOtp({ email }, from(hotel(2)))).status, 429, 'then the lane is spent')
})

t.test('with every lane spent a link from the mailbox, the new password and its device let the owner in', async (t) => {
  const { attack, api, byCode, byPassword, inbox } = await chosen(t)
  await attack()
  const chosenAnew = 'zehn Birnen in der Kiste'
  t.equal((await byCode(hotel(1))).asked.status, 429)
  t.match((await byPassword(hotel(1), password)).problem, { code: 'code-required' })
  t.equal((await api.requestPasswordReset({ email }, from(hotel(1)))).status, 429, 'not even a link can be asked for')

  // But those that the attacker has asked for are in the owner's mailbox, and bound to nobody.
  const { text } = await until(() => inbox?.mails(email).find(({ text }) => text.includes('#token=')))
  const { body } = await api.resetPassword({ token: tokenIn(text), password: chosenAnew }, from(hotel(1)))
  const signedIn = await byPassword(hotel(1), chosenAnew, body.device_token)

  t.equal(signedIn.status, 200)
  t.match(
    (await byPassword(addressOf(1), chosenAnew)).problem,
    { code: 'code-required' },
    'strangers need a code still'
  )
})

t.test('where all codes are long, strangers keep no code from an owner who is known', async (t) => {
  const { session, attack, byCode } = await chosen(t, { CODE_LENGTHEN_AT: '2' })
  await attack()

  const travelling = await byCode(hotel(1), session.device_token)
  const home = await byCode(HOME)

  t.strictSame(
    [travelling, home].map(({ asked, verified }) => [asked.status, asked.body.code_length, verified.status]),
    [
      [202, 8, 200],
      [202, 8, 200]
    ]
  )
})

t.test('a code that is still open does not make a known network a stranger to links', async (t) => {
  const { attack, api } = await chosen(t)
  await attack()
  await api.requestOtp({ email }, from(HOME))

  const { status } = await api.requestPasswordReset({ email }, from(HOME))

  t.equal(status, 202)
})
