import type { Comparison } from './compare.ts'
import type { DeadRows } from './dead-rows.ts'
import type { MailDelay } from './mail-delay.ts'
import type { PasswordResults } from './passwords.ts'
import type { Row } from './side.ts'
import type { Statements } from './statements.ts'

export type Results = {
  at: string
  machine: { cpus: number; model: string; node: string; postgres: string }
  pace: { seconds: number; rounds: number }
  comparisons: Comparison[]
  passwords?: PasswordResults
  dead?: DeadRows
  mail?: MailDelay
  statements: Statements[]
  /** Milliseconds from the spawn to the first 200 of /readyz, each time. */
  coldStarts: number[]
  coldStart?: number
  /** MiB, after all load. */
  memory?: number
}

/** The connections that the figures are given for. */
const JUDGED_AT = 16
const NEEDED: Partial<Record<Row, number>> = { session: 0.8, request: 0.7, login: 0.7 }
const MOST = { mailP95: 100, memory: 180, coldStart: 1500, statements: 4 }

const titles: Record<Row, string> = {
  request: 'request code',
  verify: 'verify',
  login: 'whole login',
  session: 'session check',
  refresh: 'refresh',
  forgot: 'forgot'
}

const heads = [
  'row',
  'conn.',
  'ours/s',
  'ideal/s',
  'ratio',
  'of rounds',
  'needed',
  'p50',
  'p99',
  'ideal p99',
  'cpu µs',
  'ideal',
  'mailed'
]

export const tableHead = (): string => `${line(heads)}\n${line(heads.map((head) => '-'.repeat(head.length)))}`

export function tableLine(found: Comparison): string {
  const needed = found.connections === JUDGED_AT ? NEEDED[found.row] : undefined
  return line([
    titles[found.row],
    String(found.connections),
    found.ours.perSecond.toFixed(0),
    found.ideal.perSecond.toFixed(0),
    found.ratio.toFixed(2),
    found.ratioRange.map((ratio) => ratio.toFixed(2)).join('-'),
    needed === undefined ? '' : needed.toFixed(2),
    `${found.ours.p50.toFixed(1)} ms`,
    `${found.ours.p99.toFixed(1)} ms`,
    `${found.ideal.p99.toFixed(1)} ms`,
    found.ours.cpu?.toFixed(0) ?? '',
    found.ideal.cpu?.toFixed(0) ?? '',
    found.mailsSent === undefined ? '' : `${(found.mailsSent * 100).toFixed(0)} %`
  ])
}

const widths = [13, 6, 8, 8, 6, 10, 7, 9, 9, 10, 7, 6, 7]

function line(cells: readonly string[]): string {
  const [first = '', ...others] = cells
  return first.padEnd(widths[0] as number) + others.map((cell, i) => cell.padStart(widths[i + 1] as number)).join(' ')
}

/** One line a figure that was measured: whether it is reached. */
export function verdicts(results: Results): string[] {
  const lines = results.comparisons
    .filter(({ connections, row }) => connections === JUDGED_AT && NEEDED[row] !== undefined)
    .map(({ row, ratio }) => {
      const needed = NEEDED[row] as number
      return verdict(
        ratio >= needed,
        `${titles[row]}: ${ratio.toFixed(2)} of ideal at ${JUDGED_AT} connections, needed ${needed.toFixed(2)}`
      )
    })
  const { mail, memory, coldStart, statements } = results
  if (mail !== undefined) {
    const pace = `${mail.mails} mails at ${mail.perSecond} a second: p50 ${mail.p50.toFixed(0)} ms`
    const p95 = `p95 ${mail.p95.toFixed(0)} ms after the 202, needed ${MOST.mailP95} ms`
    lines.push(verdict(mail.p95 <= MOST.mailP95, `${pace}, ${p95}`))
  }
  for (const { connections, perLogin, requests, courier, by } of statements) {
    const parts = `${requests.toFixed(2)} of requests, ${courier.toFixed(2)} of the courier`
    const told = `${perLogin.toFixed(2)} SQL statements a login at ${connections} connections (${parts}; counted by the ${by})`
    lines.push(verdict(perLogin <= MOST.statements, `${told}, needed ${MOST.statements}`))
  }
  if (coldStart !== undefined) {
    const told = `cold start to ready in ${coldStart.toFixed(0)} ms, median of ${results.coldStarts.length}`
    lines.push(verdict(coldStart <= MOST.coldStart, `${told}, needed ${MOST.coldStart} ms`))
  }
  if (memory !== undefined) {
    const told = `resident memory after load ${memory.toFixed(0)} MiB, needed ${MOST.memory} MiB`
    lines.push(verdict(memory <= MOST.memory, told))
  }
  return lines
}

export const verdict = (reached: boolean, told: string): string => `${reached ? 'reached' : 'MISSED '}  ${told}`
