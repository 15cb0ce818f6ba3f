import t, { type Test } from 'tap'
import { nobody } from '../../src/audit/store.ts'
import { lockBudgets } from '../../src/budget/lock-store.ts'
import { forgetChallenges } from '../../src/challenge/forget-store.ts'
import { transaction } from '../../src/db/statement.ts'
import type { Tx } from '../../src/db/tables.ts'
import { newId } from '../../src/lib/identifier.ts'
import { requestCode } from '../../src/otp/request-code.ts'
import { verifyCode } from '../../src/otp/verify-code.ts'
import { judgePassword } from '../../src/password/judge-store.ts'
import { forgetResets, spendReset, spendResets } from '../../src/password/reset-store.ts'
import { endExcessSessions } from '../../src/session/open-store.ts'
import { signInRules } from '../../src/sign-in/finish.ts'
import { wrongCode } from '../helper.ts'
import { pair } from '../pair.ts'

const client = { network: null, agent: null, requestId: 'test' }
const member = 'maya@example.com'

/** A world in which one row can be held while a statement takes several. */
async function withLocks(t: Test) {
  const world = await pair(t)
  for (const { housekeeper } of [world, world.second]) await housekeeper.stop() // it takes rows as well
  /** Begins something while somebody holds a row. @returns how many rows of `among` it has by the time it waits for that one */
  const takenBefore = async (row: string, among: string, begin: () => Promise<unknown>): Promise<number> => {
    const all = await world.sql(`select from postern.${among}`)
    const holder = await world.hold(`select from postern.${row} for update`)
    const begun = begin()
    await world.waiting(1)
    const free = await world.sql(`select from postern.${among} for update skip locked`)
    await holder.query('commit')
    await begun
    return all.length - free.length
  }
  return { ...world, takenBefore }
}

const first = (table: string, key: string) =>
  `${table} where ${key} = (select ${key} from postern.${table} order by ${key} limit 1)`
const last = (table: string, key: string) =>
  `${table} where ${key} = (select ${key} from postern.${table} order by ${key} desc limit 1)`

/** Six members; their budget rows were made in the order opposite to that of their keys. */
async function withMembers(t: Test) {
  const world = await withLocks(t)
  const { ctx, signIn, sql, emptyLanes } = world
  const macOf = (email: string) => ctx.secrets.addressMac(email)
  const emails = ['ada', 'ben', 'eva', 'ida', 'leo', 'mia']
    .map((name) => `${name}@example.com`)
    .sort((one, other) => Buffer.compare(macOf(other), macOf(one)))
  for (const email of emails) await signIn(email)
  await emptyLanes()
  const users = await sql<{ id: string; email: string }>('select id, email from postern."user"')
  const login = (email: string) =>
    judgePassword(ctx.db, {
      emailKey: email,
      addressMac: macOf(email),
      right: true,
      outcome: 'overtaken',
      known: true,
      userId: users.find((user) => user.email === email)?.id ?? '',
      version: 1,
      sessionId: newId(),
      seedHash: ctx.secrets.seedHash(ctx.secrets.newSeed()),
      renewId: null,
      deviceId: newId(),
      deviceSeedHash: ctx.secrets.seedHash(ctx.secrets.newSeed()),
      knownDeviceId: null,
      knownSeedHash: null,
      eventId: newId(),
      ...client,
      rules: signInRules(ctx)
    })
  const ask = (email: string) =>
    requestCode(
      ctx,
      { email, locale: undefined, acceptLanguage: undefined, idempotencyKey: undefined, deviceToken: undefined },
      client
    )
  const challenges = new Map<string, string>()
  for (const email of emails) challenges.set(email, (await ask(email)).challenge)
  const guess = async (email: string) => {
    const challenge = challenges.get(email) ?? ''
    const code = wrongCode(world.codeOf(challenge))
    return await verifyCode(ctx, { challenge, code, idempotencyKey: undefined, session: undefined }, client).catch(
      () => undefined
    )
  }
  return { ...world, emails, ask, guess, login }
}

type Members = Awaited<ReturnType<typeof withMembers>>
/** What shares a statement with others of its moment, and the rows that it takes after those of the addresses. */
const shared: { what: string; each: (world: Members) => (email: string) => Promise<unknown>; later?: string }[] = [
  { what: 'requests for codes', each: ({ ask }) => ask },
  { what: 'guesses at codes', each: ({ guess }) => guess, later: 'challenge' },
  { what: 'passwords', each: ({ login }) => login, later: '"user"' }
]

for (const { what, each, later } of shared)
  t.test(`${what} of one moment take the addresses in the order of their keys, whichever came first`, async (t) => {
    const world = await withMembers(t)
    const { emails, takenBefore } = world
    const all = (order: string[]) => () => Promise.all(order.map(each(world)))

    t.equal(await takenBefore(first('address_budget', 'key'), 'address_budget', all(emails)), 1, 'the one it waits for')
    t.equal(await takenBefore(first('address_budget', 'key'), 'address_budget', all(emails.toReversed())), 1)
    if (later !== undefined)
      t.equal(
        await takenBefore(last('address_budget', 'key'), later, all(emails.toReversed())),
        0,
        `all of them before any ${later}`
      )
  })

const rows = 'generate_series(1, 60) as n'
const id = `lpad((61 - n)::text, 32, '0')::uuid`
const resets = `insert into postern.password_reset (id, email, email_key, budget_key, expires_at, key_id)
  select ${id}, '${member}', '${member}', '\\x01', now() + interval '1 hour', 'x' from ${rows}`

/** Statements over all rows of an address or an account, which were made in the order opposite to that of their ids. */
const several: {
  what: string
  table: string
  insert: string
  run: (tx: Tx, userId: string) => Promise<unknown>
}[] = [
  {
    what: 'forgetting the challenges of an address',
    table: 'challenge',
    insert: `delete from postern.challenge; insert into postern.challenge (id, purpose, email, email_key, budget_key, code_length,
        code_alphabet, charged, tries_left, sends, sent_at, expires_at, key_id)
      select ${id}, 'sign_in', '${member}', '${member}', '\\x01', 6, 'digits', 3, 3, 1, now(), now(), 'x' from ${rows}`,
    run: (tx) => forgetChallenges(tx, { emailKey: member })
  },
  {
    what: 'ending the links of an address',
    table: 'password_reset',
    insert: resets,
    run: (tx) => spendResets(tx, { emailKey: member })
  },
  {
    what: 'using a link',
    table: 'password_reset',
    insert: resets,
    run: (tx) => spendReset(tx, { id: '00000000-0000-0000-0000-000000000006', emailKey: member, usedKey: null })
  },
  {
    what: 'forgetting the links of an address',
    table: 'password_reset',
    insert: resets,
    run: (tx) => forgetResets(tx, { emailKey: member })
  },
  {
    what: 'ending sessions beyond the limit',
    table: 'session',
    insert: `delete from postern.session; insert into postern.session (id, user_id, credential_version, seed_hash, generation,
        parent_generation, grandparent_generation, rotated_at, authenticated_at, idle_expires_at, expires_at, last_used_at, amr, key_id)
      select ${id}, u.id, 1, '\\x01', 1, 1, 1, now(), now(), now() + interval '1 hour', now() + interval '1 hour',
        now() - n * interval '1 minute', '{otp}', 'x' from postern."user" as u, ${rows}`,
    run: (tx, userId) => endExcessSessions(tx, { userId, most: 0, eventId: newId(), ...nobody })
  }
]

for (const { what, table, insert, run } of several)
  t.test(`${what} takes them in the order of their ids`, async (t) => {
    const { ctx, signIn, sql, takenBefore } = await withLocks(t)
    const { body } = await signIn(member)
    for (const statement of insert.split('; ')) await sql(statement)

    t.equal(
      await takenBefore(first(table, 'id'), table, () => transaction(ctx.db, (tx) => run(tx, body.user.id))),
      1,
      'the one it waits for'
    )
  })

t.test('the addresses of a change are taken in the order of their keys', async (t) => {
  const { ctx, sql, takenBefore } = await withLocks(t)
  const keys = [3, 2, 1].map((byte) => Buffer.from([byte]))
  const lock = (order: Buffer[]) => transaction(ctx.db, (tx) => lockBudgets(tx, { keys: order }))
  for (const key of keys) await lock([key])

  for (const order of [keys, keys.toReversed()])
    t.equal(await takenBefore(first('address_budget', 'key'), 'address_budget', () => lock(order)), 1)
  t.equal((await sql('select from postern.address_budget')).length, 3)
})
