import { type Ask, type Compared, compare, planted, requestsFor } from './comparison.ts'
import type { State, World } from './world.ts'

/** An operation that must not tell who has an account, asked about addresses that nobody asked about before. */
export type Question = { name: string; path: string; states: State[]; spent?: true }

const password = 'a wrong password that is long enough'

export const questions: Question[] = [
  { name: 'otp', path: '/v1/otp', states: ['known', 'unverified', 'disabled', 'without password'] },
  { name: 'otp over budget', path: '/v1/otp', states: ['known'], spent: true },
  { name: 'verify', path: '/v1/otp/verify', states: ['known', 'unverified', 'disabled'] },
  { name: 'login', path: '/v1/login', states: ['known', 'unverified', 'disabled', 'without password'] },
  { name: 'login over budget', path: '/v1/login', states: ['known', 'without password'], spent: true },
  { name: 'forgot', path: '/v1/password/forgot', states: ['known', 'unverified', 'disabled', 'without password'] },
  { name: 'forgot over budget', path: '/v1/password/forgot', states: ['known'], spent: true }
]

async function bodiesOf(world: World, question: Question, state: State, times: number): Promise<object[]> {
  const emails = await world.addresses(state, requestsFor(times))
  if (question.spent) await world.exhaust(emails)
  if (question.name === 'verify')
    return (await world.challenges(emails)).map((challenge) => ({ challenge, code: '00000000' }))
  return emails.map((email) => (question.path === '/v1/login' ? { email, password } : { email }))
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
