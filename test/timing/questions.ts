import { type Ask, type Compared, compare, planted, requestsFor } from './comparison.ts'
import type { State, World } from './world.ts'

/**
 * An operation that must not tell who has an account, asked about addresses that nobody asked about before. With `spent` the
 * budgets of all of them are used up, those of the unknown ones too. What is `rare` only the full run asks.
 */
export type Question = { name: string; path: string; states: State[]; spent?: true; rare?: true }

const password = 'a wrong password that is long enough'
const all: State[] = ['known', 'unverified', 'disabled', 'without password']

export const questions: Question[] = [
  { name: 'otp', path: '/v1/otp', states: all },
  { name: 'otp over budget', path: '/v1/otp', states: all, spent: true },
  { name: 'verify', path: '/v1/otp/verify', states: all },
  { name: 'verify over budget', path: '/v1/otp/verify', states: all, spent: true, rare: true },
  { name: 'login', path: '/v1/login', states: all },
  { name: 'login over budget', path: '/v1/login', states: ['known', 'without password'], spent: true },
  { name: 'forgot', path: '/v1/password/forgot', states: all },
  { name: 'forgot over budget', path: '/v1/password/forgot', states: all, spent: true }
]

async function bodiesOf(world: World, { path, spent }: Question, state: State, times: number): Promise<object[]> {
  const emails = await world.addresses(state, requestsFor(times))
  if (spent) await world.exhaust(emails)
  if (path === '/v1/otp/verify') {
    const code = '0'.repeat(spent ? 13 : 8) // right for one challenge in 2^65, or for none
    return (await world.challenges(emails, spent ?? false)).map((challenge) => ({ challenge, code }))
  }
  return emails.map((email) => (path === '/v1/login' ? { email, password } : { email }))
}

async function asker(world: World, question: Question, state: State, times: number): Promise<Ask> {
  const bodies = await bodiesOf(world, question, state, times)
  return () => world.time(question.path, bodies.pop() as object)
}

/** Compares addresses of one state with unknown ones. @param delay milliseconds planted, to see that they are found */
export async function ask(world: World, question: Question, state: State, times: number, delay = 0): Promise<Compared> {
  const unknown = await asker(world, question, 'unknown', times)
  const other = await asker(world, question, state, times)
  return await compare(unknown, delay > 0 ? planted(other, delay) : other, times)
}
