import { tidyCode } from './code.ts'
import { parseAddress } from './email.ts'

/** An address that signs in with a fixed code, for reviewers and test runs. */
export type TestAddress = {
  /** Canonical. */
  key: string
  /** Tidied: capital letters and digits of the base-32 alphabet. */
  code: string
  /** The last day, as YYYY-MM-DD in UTC. */
  lastDay: string
}

const CODE = /^[0-9A-HJKMNP-TV-Z]{6,64}$/

/** Reads `address:CODE:YYYY-MM-DD`; undefined when it is not that. */
export function parseTestAddress(text: string): TestAddress | undefined {
  const [typed = '', givenCode = '', lastDay = '', ...more] = text.split(':').map((part) => part.trim())
  const key = parseAddress(typed)?.key
  const code = tidyCode(givenCode, 'base32')
  if (key === undefined || !CODE.test(code) || !isDay(lastDay) || more.length > 0) return undefined
  return { key, code, lastDay }
}

/** The test addresses of a setting whose entries have been checked. */
export const testAddresses = (entries: readonly string[]): TestAddress[] =>
  entries.flatMap((entry) => parseTestAddress(entry) ?? [])

function isDay(text: string): boolean {
  const day = new Date(`${text}T00:00:00Z`)
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text)
}
