import { readdirSync } from 'node:fs'
import pg from 'pg'
import t, { type Test } from 'tap'
import { migrate } from '../../src/db/migrate.ts'
import { query, testServer, withDatabase } from '../database.ts'
import { newKey, start, startInstance, until } from '../helper.ts'
import { ownServer } from './own-server.ts'

const ours = readdirSync(new URL('../../migrations/', import.meta.url))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replace('.ts', ''))
  .sort()
let made = 0

async function emptyDatabase(t: Test, options = ''): Promise<string> {
  const server = await testServer()
  const name = `postern_empty_${process.pid}_${++made}`
  await query(server.url, `create database ${name} ${options}`)
  t.teardown(() => query(server.url, `drop database ${name} with (force)`))
  return withDatabase(server.url, name)
}
const ledger = 'select name from postern.kysely_migration order by name'
const since0011 = ours.filter((name) => name >= '0011')
const takeBack0011 = `
  alter table postern."user" drop column change_level, drop column change_level_at;
  drop index postern.password_reset_address, postern.mail_settled_address, postern.challenge_without_mail;
  alter table postern.session drop column device_id;
  drop table postern.decoy;
  drop index postern.session_account;
  delete from postern.kysely_migration where name >= '0011'`

t.test('five instances that boot on an empty database at once all serve, and one made the schema', async (t) => {
  const url = await emptyDatabase(t)
  const settings = { SECRET_KEYS: newKey() }

  const instances = await Promise.all(Array.from({ length: 5 }, () => startInstance(t, url, settings)))
  const asked = await Promise.all(instances.map(({ api }, nth) => api.requestOtp({ email: `maya${nth}@example.com` })))
  const ready = await Promise.all(instances.map(({ api }) => api.getReadiness()))
  const rings = await Promise.all(instances.map(({ api }) => api.getJwks()))

  t.ok(asked.every(({ status }) => status === 202))
  t.ok(ready.every(({ status }) => status === 200))
  t.equal(instances.filter(({ log }) => log.some((line) => line.includes('"migrations"'))).length, 1)
  t.strictSame(
    (await query(url, ledger)).map(({ name }) => name),
    ours
  )
  t.equal(rings[0]?.body.keys.length, 1)
  for (const { body } of rings) t.strictSame(body, rings[0]?.body, 'all sign with one key')
})

t.test('however many migrate at once, each migration runs once', async (t) => {
  const urls = await Promise.all([1, 2, 3].map(() => emptyDatabase(t)))

  for (const url of urls) {
    const runs = await Promise.all(Array.from({ length: 8 }, () => migrate(url)))
    t.strictSame(runs.flat().sort(), ours)
  }
  t.strictSame(await migrate(urls[0] as string), [], 'and none the next time')
})

t.test('a migration of a newer release does not stop an older one', async (t) => {
  const { signIn, another, sql } = await start(t)
  await sql(`insert into postern.kysely_migration (name, timestamp) values ('9999_of_tomorrow', now()::text)`)
  await sql('alter table postern.challenge add column of_tomorrow text')

  const older = await another()
  const signedIn = await signIn('maya@example.com', older.api)
  const ready = await older.api.getReadiness()

  t.equal(signedIn.status, 200)
  t.match(ready, { status: 200, body: { checks: { migrations: { ok: true } } } })
})

t.test('an instance on a schema that lacks a migration of its own is not ready', async (t) => {
  const { api, sql } = await start(t)
  await sql(`update postern.kysely_migration set name = 'other' where name = $1`, [ours.at(-1)])

  const ready = await api.getReadiness()

  t.match(ready, { status: 503, body: { checks: { migrations: { ok: false, detail: new RegExp(`${ours.at(-1)}`) } } } })
})

t.test('a migration that fails leaves nothing behind, and the start says why', async (t) => {
  const url = await emptyDatabase(t)
  await query(url, 'create schema postern; create table postern.event (id int)')

  await t.rejects(migrate(url), { message: /event/ })

  t.strictSame(
    await query(url, `select tablename from pg_tables where schemaname = 'postern' and tablename = 'user'`),
    []
  )
  await query(url, 'drop table postern.event')
  t.strictSame(await migrate(url), ours)
})

t.test('no schema is made in a database that cannot hold every character', async (t) => {
  const [latin, bytes] = await Promise.all(
    ['LATIN1', 'SQL_ASCII'].map((encoding) => emptyDatabase(t, `template template0 encoding '${encoding}' locale 'C'`))
  )

  await t.rejects(migrate(latin as string), {
    message: 'the database has the encoding LATIN1, which lacks characters: create one with UTF8'
  })

  t.strictSame(await migrate(bytes as string), ours)
})

t.test('a role that may not make the schema is told what it lacks', async (t) => {
  const url = new URL(await emptyDatabase(t))
  const role = `postern_poor_${process.pid}`
  await query(url.href, `create role ${role} login password 'poor'`)
  t.teardown(async () => query((await testServer()).url, `drop role ${role}`))
  const [username, password] = [role, 'poor']

  await t.rejects(migrate(Object.assign(new URL(url), { username, password }).href), {
    message: `permission denied for database ${url.pathname.slice(1)}`
  })
})

t.test('a migration waits for whoever reads a table without keeping anybody else from it', async (t) => {
  const { databaseUrl, api } = await start(t)
  await query(databaseUrl, takeBack0011)
  const [dump, reader] = [1, 2].map(() => new pg.Client({ connectionString: databaseUrl })) as [pg.Client, pg.Client]
  for (const client of [dump, reader]) {
    await client.connect()
    t.teardown(() => client.end())
  }
  await reader.query(`set lock_timeout = '500ms'`)
  await dump.query('begin; lock table postern."user" in access share mode') // as pg_dump has it from the first to the last table

  const said: string[] = []
  const migrating = Promise.all([1, 2, 3].map(() => migrate(databaseUrl, (line) => said.push(line))))
  await until(() => said.length > 0, 20)
  const read = await reader.query('select from postern."user"').catch((error) => error)
  const asked = await api.requestOtp({ email: 'maya@example.com' })
  await dump.query('commit')

  t.strictSame((await migrating).flat().sort(), since0011, 'in the end each is done, once')
  t.strictSame(read.rows, [], 'while one waits, and others for it, the table is read at once')
  t.equal(asked.status, 202)
  t.equal(said.length, 1)
  t.match(said, [/in use/])
})

t.test('a migration that waits keeps nobody from the tables that those before it have changed', async (t) => {
  const url = await emptyDatabase(t)
  await migrate(url)
  await query(url, takeBack0011)
  const report = new pg.Client({ connectionString: url })
  await report.connect()
  t.teardown(() => report.end())
  await report.query('begin; lock table postern.mail in row exclusive mode')

  const migrating = migrate(url)
  const waits = `select from pg_locks where relation = 'postern.mail'::regclass and not granted`
  await until(async () => (await query(url, waits)).length > 0)
  const read = await query(url, `set lock_timeout = '500ms'; select change_level from postern."user"`).catch(String)
  await report.query('commit')

  t.not(typeof read, 'string', `${read}`)
  t.strictSame(await migrating, since0011)
})

t.test('while a dump reads the sessions their new index is made once, and only the old one stays', async (t) => {
  const url = await emptyDatabase(t)
  await migrate(url)
  await query(
    url,
    `drop index postern.session_account; create index session_user_id on postern.session (user_id);
     delete from postern.kysely_migration where name >= '0016'`
  )
  const dump = new pg.Client({ connectionString: url })
  await dump.connect()
  t.teardown(() => dump.end())
  await dump.query('begin; lock table postern.session in access share mode')

  const said: string[] = []
  const migrating = migrate(url, (line) => said.push(line))
  await until(() => said.length > 0, 20)
  const indexes = await query(
    url,
    `select indexname from pg_indexes where indexname in ('session_account', 'session_user_id')`
  )
  await dump.query('commit')

  t.equal(indexes.length, 2)
  t.strictSame(
    await migrating,
    ours.filter((name) => name >= '0016')
  )
  t.strictSame(await query(url, `select from pg_indexes where indexname = 'session_user_id'`), [])
})

t.test('a migration sends an autovacuum away that is at work on its table, however long that would take', async (t) => {
  const { url } = await ownServer(t, { autovacuum_naptime: '1s' })
  await migrate(url)
  await query(
    url,
    `${takeBack0011};
     alter table postern."user" set (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1);
     insert into postern."user" (id, email, email_key, locale)
       select gen_random_uuid(), n || '@example.com', n || '@example.com', 'en' from generate_series(1, 10000) as n;
     delete from postern."user"`
  )
  const atWork = `select from pg_stat_activity
    where query like 'autovacuum: VACUUM % postern.user%' and wait_event = 'VacuumDelay'`
  await until(async () => (await query(url, atWork)).length > 0)

  const said: string[] = []
  const ran = await migrate(url, (line) => said.push(line))

  t.strictSame(ran, since0011)
  t.strictSame(said, [], 'and nobody had to wait for it to end')
})

t.test('a migration that an instance at work is in the way of goes on when that is done', async (t) => {
  const url = await emptyDatabase(t)
  await migrate(url)
  const newest = ours.filter((name) => name >= '0009')
  await query(
    url,
    `alter table postern.challenge drop column shown_seed_hash; alter table postern.device drop column shown_seed_hash;
     alter table postern.session drop column parent_rotated_at;
     ${takeBack0011};
     delete from postern.kysely_migration where name >= '0009'`
  )
  const atWork = new pg.Client({ connectionString: url })
  await atWork.connect()
  t.teardown(() => atWork.end())

  // A change of password, which ends sessions and then forgets devices; the migrations take these tables the other way round.
  await atWork.query('begin; lock table postern.session in row exclusive mode')
  const migrating = migrate(url)
  await until(async () => {
    const waits = await query(
      url,
      `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    )
    return waits.length > 0
  })
  await atWork.query('lock table postern.device in row exclusive mode; commit').catch(async (error) => {
    if (error.code !== '40P01') throw error
    await atWork.query('rollback') // on a slow machine it is the one that gives way, and a request would try again
  })

  t.strictSame(await migrating, newest)
})
