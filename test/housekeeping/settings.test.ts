import t from 'tap'
import { start, until } from '../helper.ts'

/** Purges until so many rows are left: the instance's own hour may have struck, and then it is at it already. */
const purgeTo = (count: number, { housekeeper, sql }: Pick<Awaited<ReturnType<typeof start>>, 'housekeeper' | 'sql'>) =>
  until(async () => {
    await housekeeper.purge()
    return (await sql('select 1 from postern.event')).length === count
  })

t.test('an instance forgets events and the addresses of mails when it was told to', async (t) => {
  const world = await start(t, { EVENT_RETENTION: '172800', MAIL_RETENTION: '86400' })
  for (const hours of [49, 47])
    await world.sql(
      `insert into postern.event (id, at, kind, outcome) values (gen_random_uuid(), now() - $1 * interval '1 hour', 'x', 'x')`,
      [hours]
    )
  for (const hours of [25, 23])
    await world.sql(
      `insert into postern.mail (id, kind, subject_id, email_key, valid_until, due_at, message_id, key_id, state, settled_at)
       values (gen_random_uuid(), 'code', gen_random_uuid(), $1, now(), now(), 'x', 'x', 'sent', now() - $1::text::interval)`,
      [`${hours} hours`]
    )

  await purgeTo(1, world)

  t.strictSame(
    await world.sql('select round(extract(epoch from now() - at) / 3600)::int as hours from postern.event'),
    [{ hours: 47 }]
  )
  t.strictSame(await world.sql('select email_key from postern.mail order by settled_at'), [
    { email_key: null },
    { email_key: '23 hours' }
  ])
})

t.test('an instance replaces its signing key after 90 days, and the old one outlives its tokens', async (t) => {
  const { housekeeper, sql } = await start(t, { ACCESS_TOKEN_TTL: '1200' })
  const after = async (days: number) => {
    await sql(`update postern.signing_key set activates_at = now() - $1 * interval '1 day'`, [days])
    await housekeeper.rotate()
    return await sql<{ retires: number | null }>(
      'select extract(epoch from retires_at - now())::int as retires from postern.signing_key order by activates_at'
    )
  }

  t.strictSame(await after(89), [{ retires: null }])
  const [old, ...others] = await after(91)
  t.strictSame(others, [{ retires: null }])
  t.ok(Math.abs((old?.retires ?? 0) - (300 + 1200 + 60)) <= 2, `it retires in ${old?.retires} s`)
})
