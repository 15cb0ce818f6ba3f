import { start } from '../helper.ts'

export const email = 'maya@example.com'
export const rejected = { status: 401, problem: { status: 401, code: 'code-rejected' } }

/** A world in which a code was asked for. */
export async function asked(...[t, settings]: Parameters<typeof start>) {
  const world = await start(t, settings)
  const { challenge } = (await world.api.requestOtp({ email })).body as { challenge: string }
  const triesLeft = async () => (await world.sql('select tries_left from postern.challenge'))[0]?.tries_left
  return { ...world, challenge, code: world.codeOf(challenge), triesLeft }
}
