import t from 'tap'
import { showMails } from '../../src/cli/mail.ts'
import { runMigrations } from '../../src/cli/migrate.ts'
import { migrate } from '../../src/db/migrate.ts'
import { query, testServer, withDatabase } from '../database.ts'
import { newKey, startInstance } from '../helper.ts'
import { postern } from '../keys/command.ts'
import { inProcess } from './in-process.ts'

t.test('`migrate` makes the schema, says what it ran and ends, and has nothing to do the next time', async (t) => {
  const server = await testServer()
  const name = `postern_migrate_${process.pid}`
  await query(server.url, `create database ${name}`)
  t.teardown(() => query(server.url, `drop database ${name} with (force)`))
  const settings = { DATABASE_URL: withDatabase(server.url, name), SECRET_KEYS: newKey() }

  await t.rejects(showMails(settings, 'maya@example.com'), {
    message: /^the database lacks 0001\S+, .+: run `migrate` first$/
  })
  const made = await query(settings.DATABASE_URL, `select from pg_namespace where nspname = 'postern'`)
  t.strictSame(made, [], 'a command that only looks makes no schema')
  const first = await postern(['migrate'], settings)
  const second = await inProcess(t, () => runMigrations(settings))

  t.match(first, { code: 0, err: '' })
  t.match(first.out, /^Ran 0001\S+(, \d{4}\S+)*\.\n$/)
  t.strictSame(second, { code: 0, out: 'The schema is up to date.\n', err: '' })
  t.strictSame(await migrate(settings.DATABASE_URL), [], 'it left nothing out')
  const { api } = await startInstance(t, settings.DATABASE_URL, settings)
  t.equal((await api.getReadiness()).status, 200)
})
