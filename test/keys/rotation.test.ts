import t from 'tap'
import { HOUR } from '../../src/lib/time.ts'
import { newKey, until } from '../helper.ts'
import { idOf, postern } from './command.ts'
import { keepBusy, startFleet } from './fleet.ts'

t.test('master keys are rotated by two deployments under load, and nobody is refused', async (t) => {
  const [oldKey, newestKey] = [newKey(), newKey()]
  const world = await startFleet(t, [oldKey, newestKey])
  const { deploy, balanced, signIn, sql, another, codeOf, databaseUrl } = world
  const keysStatus = async (keys: string) =>
    (await postern(['keys', 'status'], { DATABASE_URL: databaseUrl, SECRET_KEYS: keys })).out
  const before = await Promise.all(
    Array.from({ length: 6 }, async (_, number) => (await signIn(`sleeper-${number}@example.com`)).body)
  )
  const { challenge } = (await balanced().requestOtp({ email: 'slow@example.com' })).body
  const losing = await Promise.all(
    Array.from({ length: 3 }, async (_, n) => (await signIn(`loser-${n}@example.com`)).body)
  )
  /** A refresh whose reply never arrives, an hour ago. */
  const loseReply = async (loser: { refresh_token: string; session: { id: string } } | undefined): Promise<void> => {
    await balanced().refreshSession({ refresh_token: loser?.refresh_token as string })
    const hourAgo = `update postern.session set rotated_at = now() - interval '${HOUR} seconds' where id = $1`
    await sql(hourAgo, [loser?.session.id])
  }
  const load = keepBusy(world, 3)
  await load.someRounds()
  await loseReply(losing[0])

  await deploy({ SECRET_KEYS: `${oldKey},${newestKey}` }, () => load.someRounds())
  await loseReply(losing[1])
  const whileBoth = await keysStatus(`${oldKey},${newestKey}`)
  await deploy({ SECRET_KEYS: `${newestKey},${oldKey}` }, () => load.someRounds())
  await loseReply(losing[2])
  await load.someRounds()

  const rounds = await load.finish()
  t.strictSame(load.faults, [])
  t.comment(`${rounds} rounds of eight requests`)
  t.match(whileBoth, new RegExp(`^${idOf(oldKey)}  makes and verifies; in use by: .*session.*signing_key`, 'm'))
  t.match(whileBoth, new RegExp(`^${idOf(newestKey)}  verifies; not in use`, 'm'))

  const slow = await balanced().verifyOtp({ challenge, code: codeOf(challenge) })
  t.equal(slow.status, 200, 'a code asked for before the rotation is good after it')
  for (const { access_token } of before) t.equal((await balanced().getSession({ bearer: access_token })).status, 200)
  for (const [place, { refresh_token }] of losing.entries()) {
    const found = await balanced().refreshSession({ refresh_token })
    t.equal(found.status, 200, `a reply lost in phase ${place} does no harm`)
  }

  t.match(await keysStatus(`${newestKey},${oldKey}`), new RegExp(`^${idOf(oldKey)}  verifies; in use by: session`, 'm'))
  const moved = await Promise.all(
    before.map(async ({ refresh_token }) => (await balanced().refreshSession({ refresh_token })).body)
  )
  const after = await until(async () => {
    const status = await keysStatus(`${newestKey},${oldKey}`) // a moment, until the last mails are marked
    // The clients are gone, and nobody signs in from their devices any more: these may lose their key.
    return status.includes(`${idOf(oldKey)}  verifies; in use by: device\n`) ? status : undefined
  }, 60)
  t.match(after, new RegExp(`^${idOf(newestKey)}  makes and verifies; in use by: .*session`, 'm'))

  const withoutOld = await another({ SECRET_KEYS: newestKey })
  t.equal((await withoutOld.api.getReadiness()).status, 200)
  for (const { refresh_token, access_token } of moved) {
    t.equal((await withoutOld.api.getSession({ bearer: access_token })).status, 200)
    t.equal((await withoutOld.api.refreshSession({ refresh_token })).status, 200)
  }
})
