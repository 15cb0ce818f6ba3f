import t from 'tap'
import { start } from '../helper.ts'
import { jumpAhead } from '../jump-ahead.ts'

t.test('however often readiness is asked, the database is looked at once a second', async (t) => {
  const { api, ctx } = await start(t)
  let looks = 0
  const look = () => {
    looks += 1
  }
  Object.defineProperty(ctx.signing, 'fault', { get: look })
  const ask = async () => {
    for (let nth = 1; nth <= 20; nth++) t.equal((await api.getReadiness()).status, 200)
  }

  jumpAhead(t, 2)
  await ask()
  const atFirst = looks
  jumpAhead(t, 0.9)
  await ask()
  const within = looks
  jumpAhead(t, 0.2)
  await ask()

  t.strictSame([atFirst, within, looks], [1, 1, 2])
})
