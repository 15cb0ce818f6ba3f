import t from 'tap'
import { otherDays } from '../days.ts'
import type { Api } from '../helper.ts'
import { addressOf, from, underAttack } from './attacker.ts'

const HOUR = 3600
const DAYS = 30
/** Simulated hours between two visits of the attacker. */
const STEP = 8
/** What leaks from a level in those days. */
const LEAK = 10
const SIX_DIGITS = 10
const EIGHT_DIGITS = 30

t.test('in thirty days an attacker with 1,000 addresses has no more guesses than the thresholds allow', async (t) => {
  const { ask, guess, rest, levelOf, judged, wrongCodesNoted } = await underAttack(t)
  const [greedy, patient, sparing] = ['greedy@example.com', 'patient@example.com', 'sparing@example.com']

  for (let hour = 0; hour < DAYS * 24; hour += STEP) {
    for (let asked = await ask(greedy); asked.status === 202; asked = await ask(greedy))
      if (asked.body.code_length < 13) await guess(asked.body.challenge, 4)
    // Two that know their level, and only ever ask while the code is short: the one spends all tries, the other one of three.
    for (const [email, times] of [
      [patient, 4],
      [sparing, 1]
    ] as const) {
      while ((await levelOf(email)) + 3 <= SIX_DIGITS) {
        const { status, body } = await ask(email)
        if (status !== 202) break
        await guess(body.challenge, times)
      }
    }
    await rest(STEP * HOUR)
  }

  const counts = await Promise.all([greedy, patient, sparing].map(judged))
  for (const count of counts) {
    t.ok(count[6] <= SIX_DIGITS + LEAK, `${count[6]} guesses at six digits`)
    t.ok(count[6] + count[8] <= EIGHT_DIGITS + LEAK, `${count[8]} more at eight`)
  }
  const [first, second, third] = counts as [(typeof counts)[0], (typeof counts)[0], (typeof counts)[0]]
  t.ok(first[6] >= 9 && first[8] >= 24, `greed had what there was: ${JSON.stringify(first)}`)
  t.ok(second[6] >= 15 && second[8] === 0, `patience too: ${JSON.stringify(second)}`)
  t.ok(third[6] >= 8 && third[8] === 0, `and sparing: ${JSON.stringify(third)}`)
  const all = counts.flatMap((count) => [count[6], count[8], count[13]]).reduce((sum, count) => sum + count)
  t.equal(await wrongCodesNoted(), all, 'each judged guess is an event')
})

/** What an attacker knows of a code here, so that luck shows: all but the last digit of six, the last two of eight. */
const candidatesOf = (code: string): string[] => {
  const hidden = code.length === 6 ? 1 : 2
  return Array.from({ length: 10 ** hidden }, (_, at) => code.slice(0, -hidden) + String(at).padStart(hidden, '0'))
}

/** How far a count of so many tries may lie from what is expected: 99 % of a normal distribution. */
const spread = (tries: number, chance: number): number => 2.576 * Math.sqrt(tries * chance * (1 - chance))

t.test('an attacker who can only be lucky is as lucky as the numbers say', async (t) => {
  // Keys, ids and the day are fixed, and so the codes: the same luck in every run, in whatever order the accounts are attacked.
  otherDays(t, Date.UTC(2026, 0, 1))(0)
  const world = await underAttack(t, { SECRET_KEYS: Buffer.alloc(32, 'luck').toString('base64url') })
  const { api, codeOf, sql, ctx } = world
  const accounts = 120
  const tried: Record<number, number> = { 6: 0, 8: 0 }
  const hit: Record<number, number> = { 6: 0, 8: 0 }
  const attack = async (email: string): Promise<void> => {
    for (let round = 0; ; round++) {
      const id = `00000000-0000-4000-8000-${String(round).padStart(12, '0')}`
      const { body } = await api.requestOtp(
        { email },
        { headers: { 'idempotency-key': id, ...from(addressOf(round)).headers } }
      )
      const length: number = body.code_length
      if (length === 13) return
      tried[length] = (tried[length] ?? 0) + 1
      for (const code of candidatesOf(codeOf(body.challenge)).slice(0, 4)) {
        const { status } = await api.verifyOtp({ challenge: body.challenge, code }, from(addressOf(round)))
        if (status !== 200) continue
        hit[length] = (hit[length] ?? 0) + 1
        return
      }
      if (round === 4)
        await sql(`update postern.address_budget set lanes = '{}' where key = $1`, [ctx.secrets.addressMac(email)])
    }
  }

  await Promise.all(Array.from({ length: accounts }, (_, at) => attack(`p${at}@example.com`)))

  // Three codes of six digits, then seven of eight, and three of ten or of a hundred candidates at each.
  const [atSix, atEight] = [3 / 10, 3 / 100]
  const expected: [what: string, hits: number, tries: number, chance: number][] = [
    ['accounts', (hit[6] ?? 0) + (hit[8] ?? 0), accounts, 1 - (1 - atSix) ** 3 * (1 - atEight) ** 7],
    ['codes of six digits', hit[6] ?? 0, tried[6] ?? 0, atSix],
    ['codes of eight digits', hit[8] ?? 0, tried[8] ?? 0, atEight]
  ]
  for (const [what, hits, tries, chance] of expected) {
    const [mean, width] = [tries * chance, spread(tries, chance)]
    t.ok(Math.abs(hits - mean) <= width, `${what}: ${hits} of ${tries}, where ${mean} ± ${width} were expected`)
  }
})

t.test('a burst over three instances overruns no lane and no threshold', async (t) => {
  const { api, another, guess, judged, wrongCodesNoted, sql, ctx } = await underAttack(t)
  const apis = [api, (await another()).api, (await another()).api]
  const [email, guarded] = ['maya@example.com', 'noor@example.com']
  const each = <T>(times: number, act: (api: Api, at: number) => Promise<T>): Promise<T[]> =>
    Promise.all(Array.from({ length: times }, (_, at) => act(apis[at % 3] as Api, at)))
  // Logins there make challenges past every lane.
  await sql(`insert into postern.address_budget (key, password_level, password_level_at) values ($1, 10, now())`, [
    ctx.secrets.addressMac(guarded)
  ])

  const asked = await each(45, (api, at) => api.requestOtp({ email }, from(addressOf(at))))
  const logins = await each(15, (api, at) =>
    api.loginWithPassword({ email: guarded, password: 'a guess that is long enough' }, from(addressOf(at)))
  )
  const challenges = [
    ...asked.filter(({ status }) => status === 202).map(({ body }) => body),
    ...logins.map(({ problem }) => problem.next.challenge)
  ]
  await Promise.all(challenges.map(({ challenge }) => guess(challenge, 5, apis)))

  t.equal(asked.filter(({ status }) => status === 202).length, 6)
  t.same(await judged(email), { 6: 9, 8: 9, 13: 0 })
  t.same(await judged(guarded), { 6: 9, 8: 21, 13: 15 })
  t.equal(await wrongCodesNoted(), 18 + 45)
})
