import { Readable } from 'node:stream'
import t from 'tap'
import { importUsers } from '../../src/user/import-users.ts'
import { start } from '../helper.ts'

t.test('an account whose line names no language has the one of the service', async (t) => {
  const { ctx, sql } = await start(t, { DEFAULT_LOCALE: 'de' })
  const rows = [{ email: 'maya@example.com' }, { email: 'noor@example.com', locale: 'fr' }]
  const lines = rows.map((row, nth) => ({ number: nth + 1, text: JSON.stringify(row), end: nth }))
  const report = (line: number, reason: string) => t.fail(`line ${line} ${reason}`)

  await importUsers(ctx, Readable.from(lines), report, () => {})

  t.strictSame(await sql('select email, locale from postern."user" order by email'), [
    { email: 'maya@example.com', locale: 'de' },
    { email: 'noor@example.com', locale: 'fr' }
  ])
})
