import t from 'tap'
import { newKey, start, startInstance, until } from '../helper.ts'
import { idOf, postern } from '../keys/command.ts'

t.test('a start is refused while stored passwords need a pepper that is not configured', async (t) => {
  const [older, newer] = [newKey(), newKey()]
  const { ctx, sql, databaseUrl, settings } = await start(t, { PASSWORD_PEPPERS: older, BCRYPT_COST: '4' })
  for (const [name, hash] of [
    ['maya', await ctx.passwords.hash('correct horse')],
    ['imported', '$2b$04$abcdefghijklmnopqrstuuG2IabOXehs7OCRv0HeGv4LFw/B.tkFS'],
    ['nobody', null]
  ])
    await sql(
      `insert into postern."user" (id, email, email_key, locale, password_hash) values (gen_random_uuid(), $1, $1, 'en', $2)`,
      [`${name}@example.com`, hash]
    )
  const starting = (peppers: string) => startInstance(t, databaseUrl, { ...settings, PASSWORD_PEPPERS: peppers })

  await t.rejects(starting(newer), {
    message: `PASSWORD_PEPPERS lacks keys that stored passwords need: ${idOf(older)}.`
  })
  await t.rejects(starting(''), { message: idOf(older) })
  await t.resolves(starting(`${newer},${older}`))
})

t.test('`keys status` tells which peppers are still in use, and fails when one of those is missing', async (t) => {
  const [older, newer] = [newKey(), newKey()]
  const { ctx, sql, databaseUrl, settings } = await start(t, { PASSWORD_PEPPERS: older, BCRYPT_COST: '4' })
  await sql(
    `insert into postern."user" (id, email, email_key, locale, password_hash) values (gen_random_uuid(), 'a', 'a', 'en', $1)`,
    [await ctx.passwords.hash('correct horse')]
  )
  const status = (peppers: string) =>
    postern(['keys', 'status'], { ...settings, DATABASE_URL: databaseUrl, PASSWORD_PEPPERS: peppers })

  const rotated = await status(`${newer},${older}`)
  const lacking = await status(newer)

  t.equal(rotated.code, 0)
  t.match(rotated.out, `${idOf(newer)}  pepper: hashes and checks; not in use\n`)
  t.match(rotated.out, `${idOf(older)}  pepper: checks; in use by: password\n`)
  t.equal(lacking.code, 1)
  t.match(lacking.out, `${idOf(older)}  pepper: MISSING from PASSWORD_PEPPERS; in use by: password\n`)
})

t.test('an instance without a pepper in use says so, and takes as long over a member as over anybody', async (t) => {
  const [older, newer] = [newKey(), newKey()]
  const email = 'maya@example.com'
  const { api, signIn, another, sql } = await start(t, { PASSWORD_PEPPERS: older, BCRYPT_COST: '4' })
  const { body } = await signIn(email)
  await api.changePassword({ password: 'sieben Zwetschgen im Korb' }, { bearer: body.access_token })
  const running = await another({ PASSWORD_PEPPERS: older, BCRYPT_COST: '4' })
  const ahead = await another({ PASSWORD_PEPPERS: `${newer},${older}`, BCRYPT_COST: '4' })
  const moved = await ahead.api.loginWithPassword({ email, password: 'sieben Zwetschgen im Korb' })
  const ran = t.capture(running.ctx.passwords, 'decoy', running.ctx.passwords.decoy)

  const refused = await running.api.loginWithPassword({ email, password: 'sieben Zwetschgen im Korb' })
  const ready = await until(async () => {
    const answer = await running.api.getReadiness()
    return answer.status === 503 && answer
  })

  t.equal(moved.status, 200)
  t.equal(refused.status, 503)
  t.equal(ran().length, 2, 'one made up for everybody, and one that was held against the password')
  t.equal(ready.body.checks.keys.detail, `PASSWORD_PEPPERS lacks keys in use: ${idOf(newer)}`)
  t.equal((await sql('select from postern.session')).length, 2)
})
