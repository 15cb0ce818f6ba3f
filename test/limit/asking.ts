import type { FastifyInstance } from 'fastify'

/** Quotas as they are in production, and a log that is read. */
export const LIMITED = { CLIENT_LIMITS: 'on', LOG_LEVEL: 'warn' }

type Asked = { status: number; headers: Record<string, unknown>; problem: { code: string; detail?: string } }

/**
 * A question that costs nothing but its place in a bucket: 401 as long as the quota lasts. Without a socket, because it is
 * asked thousands of times, and from addresses that no test machine has.
 */
export async function ask(
  { app }: { app: FastifyInstance },
  remoteAddress = '192.0.2.1',
  headers: Record<string, string> = {}
): Promise<Asked> {
  const payload = { challenge: 'chl_made-up' }
  const answer = await app.inject({ method: 'POST', url: '/v1/otp/resend', remoteAddress, payload, headers })
  return { status: answer.statusCode, headers: answer.headers, problem: answer.json() }
}

/** How often each status came back. */
export function tally(answers: readonly { status: number }[]): Record<number, number> {
  const counts: Record<number, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

/** Asks so many times, some side by side. */
export async function askTimes<T>(times: number, once: (nth: number) => Promise<T>): Promise<T[]> {
  const answers: T[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < times) answers.push(await once(next++))
  }
  await Promise.all(Array.from({ length: 10 }, lane))
  return answers
}
