import type { Burst } from './burst.ts'
import type { Busy } from './busy.ts'
import type { DeadRows } from './dead-rows.ts'
import { verdict } from './report.ts'
import type { Share } from './shares.ts'

const LEAST_SHARE = 0.95
const MOST = { besideLogins: 2, growth: 100, health: 100, deadRows: 1.2 }
const ANSWERS = [200, 401, 429, 503]

type Loads = { shares: readonly Share[]; busy?: Busy; burst?: Burst; dead?: DeadRows }

/** One line a figure that was measured under passwords, a burst or dead rows. */
export function loadVerdicts({ shares, busy, burst, dead }: Loads): string[] {
  return [
    ...shares.map(ofShare),
    ...(busy ? [ofBusy(busy)] : []),
    ...(burst ? ofBurst(burst) : []),
    ...(dead ? [ofDeadRows(dead)] : [])
  ]
}

function ofShare({ what, scheme, perSecond, raw, p50, share, shareRange, bare }: Share): string {
  const rates = `${perSecond.toFixed(1)} a second (p50 ${p50.toFixed(0)} ms), the bare hash ${raw.toFixed(1)}`
  const beside = bare ? `, a bare Fastify ${bare.share.toFixed(3)} (${range(bare.shareRange, 3)})` : ''
  const told = `${share.toFixed(3)} of the raw hash rate (${range(shareRange, 3)})${beside}: ${rates}`
  if (what === 'reset') return `         reset, ${scheme}: ${told}`
  return verdict(share >= LEAST_SHARE, `login by password, ${scheme}: ${told}, needed ${LEAST_SHARE}`)
}

function ofBusy({ quiet, busy, logins, ratio, ratioRange }: Busy): string {
  const rates = `${quiet.perSecond.toFixed(0)} and ${busy.perSecond.toFixed(0)} checks a second, ${logins.toFixed(1)} logins`
  const times = `p99 ${quiet.p99.toFixed(1)} ms quiet, ${busy.p99.toFixed(1)} ms beside 16 clients that log in by password`
  const told = `session check: ${times}: ${ratio.toFixed(2)} times (${range(ratioRange, 2)}; ${rates})`
  return verdict(ratio <= MOST.besideLogins, `${told}, needed ${MOST.besideLogins}`)
}

function ofBurst({ logins, answers, seconds, growth, health }: Burst): string[] {
  const statuses = Object.entries(answers).map(([status, count]) => `${count} times ${status}`)
  const proper = Object.keys(answers).every((status) => ANSWERS.includes(Number(status)))
  const lines = [
    verdict(
      proper,
      `${logins} logins at once: ${statuses.join(', ')} in ${seconds.toFixed(1)} s, needed ${ANSWERS.join(', ')} only`
    ),
    verdict(
      health.p99 < MOST.health,
      `health meanwhile: p99 ${health.p99.toFixed(0)} ms of ${health.looks} looks, at most ${health.most.toFixed(0)} ms, needed ${MOST.health} ms`
    )
  ]
  if (growth !== undefined)
    lines.push(
      verdict(growth < MOST.growth, `memory grew by ${growth.toFixed(0)} MiB meanwhile, needed ${MOST.growth} MiB`)
    )
  return lines
}

function ofDeadRows({ rows, bytes, filling, empty, filled, ratio, ratioRange }: DeadRows): string {
  const size = `${(bytes / 2 ** 30).toFixed(1)} GiB, written in ${filling.toFixed(0)} s`
  const times = `p99 ${filled.p99.toFixed(1)} ms, in an empty database ${empty.p99.toFixed(1)} ms`
  const rates = `${filled.perSecond.toFixed(0)} and ${empty.perSecond.toFixed(0)} a second`
  const told = `whole login among ${rows.toLocaleString('en')} dead rows (${size}): ${times}: ${ratio.toFixed(2)} times (${range(ratioRange, 2)}; ${rates})`
  return verdict(ratio <= MOST.deadRows, `${told}, needed ${MOST.deadRows}`)
}

const range = (values: readonly number[], digits: number): string =>
  values.map((value) => value.toFixed(digits)).join('-')
