import t from 'tap'
import { MINUTE, milliseconds } from '../../src/lib/time.ts'
import { start, until } from '../helper.ts'

t.test('a look at the stored hashes that fails is told, and ends nothing', async (t) => {
  const looks: (() => void)[] = []
  const real = globalThis.setInterval
  t.teardown(() => Object.assign(globalThis, { setInterval: real }))
  globalThis.setInterval = ((work: () => void, every: number) => {
    if (every === milliseconds(MINUTE)) looks.push(work)
    return real(work, every)
  }) as unknown as typeof setInterval
  const { api, log, sql } = await start(t)
  await sql('alter table postern.decoy rename to decoy_elsewhere')

  for (const look of looks) look()

  await until(() => log.some((line) => line.includes('could not sample the stored hashes')))
  t.equal((await api.getLiveness()).status, 200)
})

t.test('an instance starts where somebody has emptied all tables', async (t) => {
  const { another, sql } = await start(t)
  await sql('delete from postern.decoy')

  const { api } = await another()

  t.match(await api.loginWithPassword({ email: 'maya@example.com', password: 'sieben Zwetschgen' }), { status: 401 })
})
