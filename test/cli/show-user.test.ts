import t, { type Test } from 'tap'
import { showUser } from '../../src/cli/show-user.ts'
import { start } from '../helper.ts'
import { postern } from '../keys/command.ts'
import { password } from '../password/with-password.ts'
import { inProcess } from './in-process.ts'

const email = 'maya@example.com'

async function startWithShow(t: Test) {
  const world = await start(t, { BCRYPT_COST: '4' })
  const settings = { ...world.settings, DATABASE_URL: world.databaseUrl }
  return { ...world, settings, show: (address?: string) => inProcess(t, () => showUser(settings, address)) }
}

t.test('an operator sees why somebody cannot sign in, and nothing that would let anybody in', async (t) => {
  const { api, signIn, show, settings, sql, ctx } = await startWithShow(t)
  const { body } = await signIn(email)
  await api.changePassword({ password }, { bearer: body.access_token })
  await api.loginWithPassword({ email, password: 'none of theirs' })

  const open = await show(' Maya@Example.com')
  await postern(['users', 'disable', email], settings)
  const disabled = await show(email)

  const time = '\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z'
  t.equal(open.code, 0)
  t.match(open.out, new RegExp(`^account +${body.user.id}\nmade +${time}\nstate +enabled\naddress +proven ${time}\n`))
  t.match(
    open.out,
    new RegExp(`\npassword +bcrypt\nlanguage +en\nsessions +1 live, the last used ${time}\ndevices +1 trusted\n`)
  )
  t.match(open.out, new RegExp(`\n${time}  sign_in_by_password  wrong_password  127\\.0\\.0\\.0/24  [\\da-f-]{36}\n`))
  t.match(disabled.out, new RegExp(`\nstate +disabled since ${time}\n`))
  t.match(
    disabled.out,
    new RegExp(`\nsessions +0 live\ndevices +0 trusted\n${time}  account_disabled  by_operator  -  -\n`)
  )
  const [{ hash } = { hash: '' }] = await sql<{ hash: string }>(`select password_hash as hash from postern."user"`)
  for (const secret of [hash, body.refresh_token, ctx.secrets.addressMac(email).toString('hex')])
    t.notMatch(disabled.out, secret)
})

t.test('of an address without an account it tells that, and what was tried there', async (t) => {
  const { api, show } = await startWithShow(t)
  await api.loginWithPassword({ email: 'nobody@example.com', password: 'whatever it may be' })

  const shown = await show('nobody@example.com')

  t.match(shown, { code: 1, err: 'There is no account with this address.\n' })
  t.match(shown.out, /^\S+ {2}sign_in_by_password {2}no_account {2}/)
  t.match(await show(), { code: 2, out: '', err: 'Name the account by its email address.\n' })
  for (const word of ['nobody', 'jörg@example.com'])
    t.match(await show(word), { code: 2, out: '', err: /no email address that anybody can sign in with/ })
})

t.test('an account without proof and password is called that', async (t) => {
  const { signIn, show, sql } = await startWithShow(t)
  await signIn(email)
  await sql('update postern."user" set email_verified_at = null')

  t.match((await show(email)).out, /\naddress +not proven\npassword +none\n/)
})

t.test('of what happened the last twenty events are told, also those of before the keys were rotated', async (t) => {
  const { signIn, show, sql } = await startWithShow(t)
  await signIn(email)
  await sql(`update postern.event set email_mac = '\\x01', at = now() - interval '1 hour'`)
  await sql(`insert into postern.event (id, kind, outcome, user_id, at)
    select gen_random_uuid(), 'signed_out', 'number_' || n, u.id, now() - interval '2 hours' - n * interval '1 second'
    from postern."user" as u, generate_series(1, 30) as n`)

  const events = (await show(email)).out.split('\n').filter((line) => /^\d{4}-/.test(line))

  t.equal(events.length, 20)
  t.match(events[0], /sign_in_by_code|code_requested/)
  t.match(events.at(-1), /number_1[89]/)
})

t.test('a password that was imported is told apart', async (t) => {
  const { signIn, show, sql } = await startWithShow(t)
  await signIn(email)
  const shown = async (hash: string) => {
    await sql(`update postern."user" set password_hash = '${hash}', external_id = '42'`)
    return (await show(email)).out
  }

  t.match(await shown(`$2b$10$${'a'.repeat(53)}`), /\npassword +bcrypt, imported\n[\s\S]*\nexternal id +42\n/)
  t.match(await shown('$made-up$'), /\npassword +set, in a form that cannot be checked\n/)
})

t.test('the limits of an address are told as far as somebody meets them', async (t) => {
  const { api, show, sql } = await startWithShow(t)
  const ask = () => api.requestOtp({ email })
  for (const _ of Array(4)) await ask()
  const longer = await show(email)
  await ask()
  const { headers } = await ask()
  await sql(`update postern.address_budget set password_level = 10, lanes = lanes || jsonb_build_object(
    'reset:day', extract(epoch from now()) + 86400, 'reset:hour', extract(epoch from now()) + 3600,
    'code:device:d1', extract(epoch from now()) + 3500, 'password', extract(epoch from now()) + 3600)`)
  const full = await show(email)

  const limits = ({ out }: { out: string }) =>
    out.split('\n').flatMap((line) => (line.startsWith('limit ') ? [line.replace(/^limit +/, '')] : []))
  t.same(limits(longer), ['strangers get codes of 8 characters'])
  const [before = ''] = /(?<=no code for the network 127\.0\.0\.0\/24 before )\S+/.exec(full.out) ?? []
  t.ok(Math.abs(Date.parse(before) - Date.now() - Number(headers.get('retry-after')) * 1000) < 5000, before)
  t.same(
    limits(full).map((line) => line.replace(/ before \S+Z$/, ' before …')),
    [
      'strangers get codes of 8 characters',
      'strangers are asked for a code beside the password',
      'no further code after the right password before …',
      'no link for strangers before …',
      'no code for the device d1 before …',
      'no code for the network 127.0.0.0/24 before …'
    ]
  )
  const [links = ''] = /(?<=no link for strangers before )\S+/.exec(full.out) ?? []
  t.ok(Date.parse(links) - Date.now() > 5_000_000, 'by the hour there would be room sooner')
})

t.test('what has idled out or run out is neither a session nor a trusted device', async (t) => {
  const { signIn, show, sql } = await startWithShow(t)
  await signIn(email)
  const { id } = (await signIn(email)).body.session
  await sql(`update postern.session set idle_expires_at = now() where id <> $1`, [id])
  await sql(
    `update postern.device set expires_at = now() where id <> (select device_id from postern.session where id = $1)`,
    [id]
  )

  t.match((await show(email)).out, /\nsessions +1 live, .*\ndevices +1 trusted\n/)
})
