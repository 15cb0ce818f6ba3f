import pg from 'pg'
import t, { type Test } from 'tap'
import { secretsOf } from '../../src/keys/secrets.ts'
import { newId } from '../../src/lib/identifier.ts'
import { newKey, start, until } from '../helper.ts'
import { jumpAhead } from '../jump-ahead.ts'
import { refused } from '../session/signed-in.ts'
import { decode, handMade } from './tokens.ts'

const email = 'maya@example.com'

/** How many statements with these words the database was asked for since. */
function countQueries(t: Test): (words: string) => number {
  const real = pg.Client.prototype.query
  t.teardown(() => Object.assign(pg.Client.prototype, { query: real }))
  const asked: string[] = []
  pg.Client.prototype.query = function (this: pg.Client, ...parts: unknown[]) {
    asked.push(((parts[0] as { text?: string }).text ?? parts[0]) as string)
    return Reflect.apply(real, this, parts)
  } as typeof real
  return (words) => asked.filter((text) => text.includes(words)).length
}

t.test('made-up key ids do not make the database work', async (t) => {
  const { api, signIn } = await start(t)
  const { header, claims } = decode((await signIn(email)).body.access_token)
  const forge = (nth: number) => handMade({ ...header, kid: `kid-${nth}` }, claims, () => Buffer.alloc(64))
  jumpAhead(t, 3)
  const queries = countQueries(t)

  const atOnce = Array.from({ length: 50 }, (_, nth) => api.getSession({ bearer: forge(nth) }))
  const answers = await Promise.all(atOnce)
  jumpAhead(t, 1)
  for (let nth = 50; nth < 55; nth++) answers.push(await api.getSession({ bearer: forge(nth) }))

  t.ok(answers.every(({ status }) => status === 401))
  t.equal(queries('signing_key'), 1)
  t.equal(queries('postern.session'), 0)
})

t.test('nor do those who fetch the keys', async (t) => {
  const { api } = await start(t)
  jumpAhead(t, 3)
  const queries = countQueries(t)

  await Promise.all(Array.from({ length: 20 }, () => api.getJwks()))
  jumpAhead(t, 1)
  await api.getJwks()

  t.equal(queries('signing_key'), 1)
})

t.test('nor do tokens of made-up master keys, and one that comes into use is noticed all the same', async (t) => {
  const { api, another, settings, signIn } = await start(t)
  const { body: session } = await signIn(email)
  const newest = newKey()
  const { ring, refreshToken, newSeed } = secretsOf([Buffer.from(newest, 'base64url')])
  const refreshForged = () =>
    api.refreshSession({
      refresh_token: refreshToken({ keyId: ring.newest.id, sessionId: newId(), generation: 1, seed: newSeed() })
    })
  jumpAhead(t, 0) // from now on the clock stands still
  const queries = countQueries(t)

  const answers = await Promise.all(Array.from({ length: 20 }, refreshForged))
  jumpAhead(t, 0.5)
  answers.push(await refreshForged())
  const looks = queries('select distinct key_id')
  jumpAhead(t, 1.5)
  const knowing = await another({ SECRET_KEYS: `${newest},${settings.SECRET_KEYS}` })
  const { body: moved } = await knowing.api.refreshSession({ refresh_token: session.refresh_token })
  const genuine = await api.refreshSession({ refresh_token: moved.refresh_token })

  for (const answer of answers) refused(t, answer, 'refresh-rejected')
  t.equal(looks, 1)
  t.match(genuine.problem, { status: 503, code: 'unavailable' }, 'which signs nobody out')
})

t.test('where a look for them takes long, the next one waits all the longer', async (t) => {
  const { api, sql, databaseUrl } = await start(t)
  const { ring, challengeToken } = secretsOf([Buffer.from(newKey(), 'base64url')])
  const form = { length: 6, alphabet: 'digits' } as const
  const guess = () =>
    api.verifyOtp({ challenge: challengeToken({ keyId: ring.newest.id, id: newId(), form }), code: '000000' })
  const holder = new pg.Client({ connectionString: databaseUrl })
  await holder.connect()
  await holder.query('begin; lock table postern.password_reset in access exclusive mode')
  jumpAhead(t, 0)
  const queries = countQueries(t)

  const slow = guess()
  const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  await until(async () => (await sql(waiting))[0])
  jumpAhead(t, 2)
  await holder.query('commit')
  await holder.end()
  const answers = [await slow]
  jumpAhead(t, 7.5)
  answers.push(await guess())
  const looks = queries('select distinct key_id')
  jumpAhead(t, 1)
  answers.push(await guess())

  for (const answer of answers) refused(t, answer, 'code-rejected')
  t.equal(looks, 1)
  t.equal(queries('select distinct key_id'), 2)
})
