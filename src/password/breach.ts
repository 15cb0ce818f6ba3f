import { createHash } from 'node:crypto'
import type { Context } from '../context.ts'
import { milliseconds } from '../lib/time.ts'

/** Seconds the look-up may take: a person waits for it. */
const PATIENCE = 2
const PREFIX_LENGTH = 5

let failures = 0

/** Look-ups that failed since the process started. */
export const breachCheckFailures = (): number => failures

/**
 * Whether a password was seen in a leak, by k-anonymity: the service that is asked learns five hex digits of a digest, which
 * hundreds of passwords share (the range protocol of Have I Been Pwned). Without an answer the password is accepted: an outage
 * elsewhere must not keep anybody from setting one. Each such failure is logged with its count.
 */
export async function isBreached({ config, log }: Context, password: string): Promise<boolean> {
  if (config.BREACH_CHECK_URL === undefined) return false
  const digest = createHash('sha1').update(password).digest('hex').toUpperCase()
  try {
    const url = `${config.BREACH_CHECK_URL.replace(/\/+$/, '')}/${digest.slice(0, PREFIX_LENGTH)}`
    const answer = await fetch(url, {
      headers: { 'add-padding': 'true', 'user-agent': 'postern' },
      redirect: 'error',
      signal: AbortSignal.timeout(milliseconds(PATIENCE))
    })
    if (!answer.ok) throw new Error(`answered ${answer.status}`)
    return isListed(await answer.text(), digest.slice(PREFIX_LENGTH))
  } catch (error) {
    failures += 1
    log.warn({ reason: (error as Error).message, failures }, 'could not check a new password against leaked ones')
    return false
  }
}

/** A line is the rest of a digest and how often it was seen; a padded answer also has lines that were never seen. */
const isListed = (lines: string, rest: string): boolean => {
  const count = new RegExp(`^${rest}:(\\d+)$`, 'mi').exec(lines)?.[1]
  return Number(count ?? 0) > 0
}
