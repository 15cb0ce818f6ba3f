import t, { type Test } from 'tap'
import { showMails } from '../../src/cli/mail.ts'
import { administerUser, deleteUserAt } from '../../src/cli/users.ts'
import type { Act } from '../../src/user/administer.ts'
import { start, until } from '../helper.ts'
import { postern } from '../keys/command.ts'
import { inProcess } from './in-process.ts'

const email = 'maya@example.com'

async function startWithCommands(t: Test) {
  const world = await start(t)
  const settings = { ...world.settings, DATABASE_URL: world.databaseUrl }
  const program = (...words: string[]) => postern(words, settings)
  const users = (act: Act, address?: string) => inProcess(t, () => administerUser(settings, act, address))
  const mails = (address?: string) => inProcess(t, () => showMails(settings, address))
  const events = async () =>
    (
      await world.sql<{ kind: string; outcome: string; own: boolean }>(
        `select e.kind, e.outcome, e.user_id = u.id and e.email_mac = $1 as own from postern.event as e, postern."user" as u
         where e.outcome = 'by_operator' order by e.at`,
        [world.ctx.secrets.addressMac(email)]
      )
    ).map(({ kind, own }) => ({ kind, own }))
  return { ...world, settings, program, users, mails, events }
}

t.test('a disabled account has no session and gets none, until it is enabled', async (t) => {
  const { program, users, signIn, api, events } = await startWithCommands(t)
  const [first, second] = [(await signIn(email)).body, (await signIn(email)).body]

  const disabled = await program('users', 'disable', ' Maya@Example.com')
  const again = await users('disable', email)

  t.match(disabled, { code: 0, out: 'Disabled; 2 sessions ended.\n', err: '' })
  t.match(again, { code: 0, out: 'The account was already disabled.\n' })
  for (const { access_token, refresh_token } of [first, second]) {
    t.equal((await api.getSession({ bearer: access_token })).status, 401)
    t.equal((await api.refreshSession({ refresh_token })).status, 401)
  }
  t.equal((await signIn(email)).status, 401)

  const enabled = await users('enable', email)

  t.match(enabled, { code: 0, out: 'Enabled.\n' })
  t.match(await users('enable', email), { code: 0, out: 'The account was already enabled.\n' })
  t.equal((await api.getSession({ bearer: first.access_token })).status, 401)
  t.equal((await signIn(email)).status, 200)
  t.strictSame(await events(), [
    { kind: 'account_disabled', own: true },
    { kind: 'account_enabled', own: true }
  ])
})

t.test('a code of before an account was disabled is no good after it was enabled', async (t) => {
  const { users, signIn, api, codeOf } = await startWithCommands(t)
  await signIn(email)
  const { challenge } = (await api.requestOtp({ email })).body

  await users('disable', email)
  await users('enable', email)

  t.equal((await api.verifyOtp({ challenge, code: codeOf(challenge) })).status, 401)
})

t.test('links of before an account was disabled do not stand in the way of one after it was enabled', async (t) => {
  const { users, signIn, api, inbox } = await startWithCommands(t)
  await signIn(email)
  for (let link = 0; link < 3; link++) await api.requestPasswordReset({ email })
  const links = () => (inbox?.mails(email) ?? []).filter(({ text }) => text.includes('#token='))
  await until(() => links().length === 3)

  await users('disable', email)
  await users('enable', email)
  const { status } = await api.requestPasswordReset({ email })

  t.equal(status, 202)
  await until(() => links().length === 4)
  const token = /#token=(rst_[\w-]+)$/m.exec(links()[0]?.text as string)?.[1] as string
  t.equal((await api.inspectPasswordReset({ token })).status, 200)
})

t.test('ending the sessions of an account signs it out everywhere and leaves it open', async (t) => {
  const { users, signIn, api, events } = await startWithCommands(t)
  const { access_token } = (await signIn(email)).body
  const other = (await signIn('other@example.com')).body

  const ended = await users('end-sessions', email)

  t.match(ended, { code: 0, out: '1 session ended.\n' })
  t.equal((await api.getSession({ bearer: access_token })).status, 401)
  t.equal((await api.getSession({ bearer: other.access_token })).status, 200)
  t.equal((await signIn(email)).status, 200)
  t.match(
    await users('end-sessions', email),
    { code: 0, out: '1 session ended.\n' },
    'those that were ended before do not count'
  )
  t.ok((await events()).some(({ kind, own }) => kind === 'sessions_ended' && own))
})

t.test('a session that has idled out is not counted among those that the operator ended', async (t) => {
  const { users, signIn, sql } = await startWithCommands(t)
  const idle = (await signIn(email)).body.session.id
  await signIn(email)
  await sql('update postern.session set idle_expires_at = now() where id = $1', [idle])

  const ended = await users('end-sessions', email)

  t.match(ended, { code: 0, out: '1 session ended.\n' })
})

t.test('an address without account, or none at all, is told by the exit code', async (t) => {
  const { users, mails } = await startWithCommands(t)

  t.match(await users('disable', 'nobody@example.com'), { code: 1, err: 'There is no account' })
  t.match(await users('end-sessions', 'nobody'), { code: 2, err: 'email address' })
  t.match(await users('enable'), { code: 2, err: 'email address' })
  t.match(await mails(), { code: 2, err: 'email address' })
})

t.test('the ledger tells what became of the mails to an address, and never what stood in them', async (t) => {
  const { mails, api, newestMail, mailedCode, codeOf, sql } = await startWithCommands(t)
  const { challenge } = (await api.requestOtp({ email })).body
  const code = await mailedCode(email)
  const { message_id: sentId } = await newestMail(email)
  const refused = (await api.requestOtp({ email })).body.challenge
  await api.requestOtp({ email: 'other@example.com' })
  await until(async () => (await sql("select from postern.mail where state = 'queued'")).length === 0)
  await sql(
    `update postern.mail set state = 'refused', attempts = 2, sent_at = null, answer = E'550 5.1.1 no such \\u001b[2Juser',
       created_at = created_at + interval '1 second'
     where id = (select id from postern.mail where email_key = $1 order by created_at desc limit 1)`,
    [email]
  )

  const shown = await mails(email)
  const nothing = await mails('nobody@example.com')
  await sql(
    `update postern.mail set state = 'queued', settled_at = null, sent_at = null, due_at = now() + interval '1 hour'
    where message_id = $1`,
    [sentId]
  )
  const waiting = await mails(email)

  const id = '<[\\da-f-]{36}@[\\w.]+>'
  const time = '\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z'
  t.equal(shown.code, 0)
  t.match(
    shown.out,
    new RegExp(
      `^${time}  code  refused  retries: 2  ${id}  550 5.1.1 no such  \\[2Juser\\n${time}  code  sent ${time}  retries: 0  ${sentId}.*\\n$`
    )
  )
  for (const secret of [code, codeOf(refused), challenge, refused]) t.notMatch(shown.out, secret)
  t.match(waiting.out, /code {2}refused .*\n.* {2}code {2}queued {2}retries: 0/)
  t.match(nothing, { code: 0, out: 'No mail to this address is on record.\n' })
})

t.test('an operator deletes an account as its owner would, and nothing where there is none', async (t) => {
  const { settings, program, signIn, api, sql, codeOf, inbox } = await startWithCommands(t)
  const other = await signIn('jo@example.com')
  const { body } = await signIn(email)
  await api.requestPasswordReset({ email })
  const open = (await api.requestOtp({ email })).body.challenge
  const newcomers = (await api.requestOtp({ email: 'new@example.com' })).body.challenge

  const deleted = await program('users', 'delete', ' Maya@Example.com')
  const again = await inProcess(t, () => deleteUserAt(settings, email))
  const nobody = await inProcess(t, () => deleteUserAt(settings, 'new@example.com'))

  t.match(deleted, { code: 0, out: 'Deleted; 1 session ended.\n', err: '' })
  for (const none of [again, nobody]) t.match(none, { code: 1, err: 'There is no account with this address.\n' })
  t.equal((await api.getSession({ bearer: body.access_token })).status, 401)
  t.equal((await api.verifyOtp({ challenge: open, code: codeOf(open) })).status, 401)
  t.equal((await api.verifyOtp({ challenge: newcomers, code: codeOf(newcomers) })).status, 200)
  t.equal((await api.getSession({ bearer: other.body.access_token })).status, 200)
  for (const table of ['"user"', 'device', 'known_network', 'challenge', 'password_reset'])
    t.strictSame(await sql(`select from postern.${table} where email_key = $1`, [email]), [], table)
  t.strictSame(await sql(`select user_id as id, outcome from postern.event where kind = 'account_deleted'`), [
    { id: body.user.id, outcome: 'by_operator' }
  ])
  await sql(`update postern.mail set due_at = now() where kind = 'account-deleted'`)
  await until(() => inbox?.mails(email).find(({ subject }) => /account was deleted/.test(subject)))
})
