import t from 'tap'
import { start, until } from '../helper.ts'

t.test('where nothing can be written an instance is not ready, and it is again once writing is possible', async (t) => {
  const { api, signIn, sql } = await start(t)
  await signIn('maya@example.com')
  const [{ name } = { name: '' }] = await sql<{ name: string }>('select current_database() as name')
  const setting = `alter database "${name}"`
  const database = (detail: string | undefined) =>
    until(async () => {
      const { body } = await api.getReadiness()
      return body.checks.database.detail === detail
    })

  await sql(`${setting} set default_transaction_read_only = on`)
  await sql(
    'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()'
  )
  await database('read-only')
  t.equal((await api.getReadiness()).status, 503)
  const refused = await api.requestOtp({ email: 'maya@example.com' })
  t.match(refused.problem, { status: 503, code: 'unavailable' })

  await sql(`begin read write; ${setting} reset default_transaction_read_only; commit`)
  await database(undefined)
  t.equal((await api.getReadiness()).status, 200)
  await until(async () => (await api.requestOtp({ email: 'maya@example.com' })).status === 202)
})
