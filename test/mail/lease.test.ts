import t from 'tap'
import { monotonicNow } from '../../src/lib/time.ts'
import { giveBack } from '../../src/mail/lease.ts'
import { LEASE } from '../../src/mail/store.ts'
import { start, until } from '../helper.ts'

t.test(
  'a mail is given back where its statement had to wait, and not where another instance has taken it since',
  async (t) => {
    const { api, ctx, sql, inbox } = await start(t)
    await api.requestOtp({ email: 'maya@example.com' })
    await until(() => inbox?.mails()[0])
    const [mail] = await until(async () => {
      const rows = await sql<{ id: string }>(`select id from postern.mail where state = 'sent'`)
      return rows.length > 0 && rows
    })
    /** What becomes of a lease of 30 s by the database's clock, of which so many are left by ours. As `sent` no courier takes it. */
    const givenBack = async (left: number): Promise<boolean> => {
      await sql(`update postern.mail set settled_at = null, due_at = now() + interval '30 seconds'`)
      const row = { id: mail?.id as string, kind: 'code', subjectId: '', messageId: '' }
      await giveBack(ctx.db, [{ row, leaseEndsAt: monotonicNow() + left }])
      const [found] = await sql<{ due: boolean }>('select due_at <= now() as due from postern.mail')
      return found?.due === true
    }

    t.ok(await givenBack(LEASE))
    t.ok(await givenBack(LEASE - 5))
    t.notOk(await givenBack(LEASE - 12))
  }
)

t.test(
  'an instance holds a thousand mails at the most: what is beyond stays in its row, for any instance',
  async (t) => {
    const { courier, sql, stop } = await start(t)
    const rows = await sql<{ id: string }>(`
    insert into postern.mail (id, kind, subject_id, email_key, valid_until, due_at, message_id, key_id)
    select gen_random_uuid(), 'code', gen_random_uuid(), 'maya@example.com', now() + interval '1 hour', now() + interval '30 seconds',
      '<' || gen_random_uuid() || '@example.com>', 'none' from generate_series(1, 1003) returning id`)

    const leasedAt = monotonicNow()
    for (const { id } of rows) courier.offer({ id, kind: 'code', subjectId: id, messageId: '' }, leasedAt)
    await stop()

    const left = `select count(*)::int4 as left from postern.mail where state = 'queued' and due_at > now()`
    t.strictSame(await sql(left), [{ left: 3 }])
  }
)
