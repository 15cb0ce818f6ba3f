import type { Test } from 'tap'
import { type Kept, Postern } from '../examples/client-ts/postern.ts'
import { start } from './helper.ts'

export const email = 'maya@example.com'

/** A phone with the client of the examples, on a network that the test spoils. */
export async function openPhone(t: Test) {
  const world = await start(t)
  const sent: string[] = []
  const shelf: { kept: Kept } = { kept: {} }
  /** What becomes of a request, by its path, instead of what the network would do. */
  const spoilt = new Map<string, (request: Request) => Promise<Response>>()
  const fetching = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url)
    sent.push(`${request.method} ${pathname}`)
    return await (spoilt.get(pathname) ?? fetch)(request)
  }
  /** As the app finds itself after a start. */
  const open = (more: Partial<ConstructorParameters<typeof Postern>[0]> = {}) =>
    new Postern({
      baseUrl: world.url,
      kept: shelf.kept,
      keep: (kept) => void Object.assign(shelf, { kept }),
      fetch: fetching,
      pauses: [0, 0],
      ...more
    })
  /** The next answer of this path is lost, though the service has given it. */
  const loseAnswer = (path: string) =>
    spoilt.set(path, async (request) => {
      spoilt.delete(path)
      await fetch(request)
      throw new TypeError('fetch failed')
    })
  const enter = async (phone: Postern) => {
    const { data } = await phone.api.POST('/v1/otp', { body: { email, ...phone.device } })
    const challenge = data?.challenge ?? ''
    return await phone.api.POST('/v1/otp/verify', { body: { challenge, code: world.codeOf(challenge) } })
  }
  const sessions = async (phone: Postern) => (await phone.api.GET('/v1/me/sessions')).data?.sessions ?? []
  return { ...world, open, enter, sessions, sent, shelf, spoilt, loseAnswer }
}
