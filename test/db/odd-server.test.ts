import t from 'tap'
import { start } from '../helper.ts'

t.test('a server that writes times, numbers and bytes in a way of its own serves as well', async (t) => {
  const world = await start(t)
  const [{ name } = { name: '' }] = await world.sql<{ name: string }>('select current_database() as name')
  const settings = {
    datestyle: `'German, DMY'`,
    intervalstyle: 'iso_8601',
    timezone: `'Asia/Kathmandu'`,
    bytea_output: 'escape',
    extra_float_digits: '0',
    default_transaction_isolation: 'serializable'
  }
  for (const [setting, value] of Object.entries(settings))
    await world.sql(`alter database "${name}" set ${setting} = ${value}`)
  const { api } = await world.another()

  const { body } = await world.signIn('maya@example.com', api)

  const [issued, authenticated] = [body.session.created_at, body.session.authenticated_at].map(Date.parse)
  t.ok(Math.abs((issued as number) - Date.now()) < 60_000, 'to the minute')
  t.equal(issued, authenticated)
  t.equal((await api.refreshSession({ refresh_token: body.refresh_token })).status, 200)
  t.equal((await api.getSession({ bearer: body.access_token })).status, 200)
})
