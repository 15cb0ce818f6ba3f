import { REFRESH_COOKIE } from '../../src/refresh-cookie.ts'
import { type Answer, type CallOptions, call } from '../contract-client.ts'

/** Where the tests' service believes to be, and thus the origin of its own pages. */
export const OWN_ORIGIN = 'http://localhost:3000'

/** What a browser does with the cookie: keeps what answers set, shared by all its tabs, and sends it along. */
export function browser(base: string, origin: string = OWN_ORIGIN, site = 'same-origin') {
  let jar: string | undefined

  const keep = (answer: Answer): Answer => {
    for (const line of answer.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split('; ')
      const value = pair.slice(pair.indexOf('=') + 1)
      jar = attributes.includes('Max-Age=0') ? undefined : value
    }
    return answer
  }
  const send = async (operationId: string, body?: unknown, options: CallOptions = {}): Promise<Answer> => {
    const headers = {
      origin,
      'sec-fetch-site': site,
      ...(jar !== undefined && { cookie: cookieOf(jar) }),
      ...options.headers
    }
    return await call(base, operationId, body, { ...options, headers })
  }
  return {
    /** Sends without keeping what comes back: the answer is still under way, or lost. */
    send,
    /** Sends, and keeps the cookie of the answer. */
    ask: async (operationId: string, body?: unknown, options?: CallOptions): Promise<Answer> =>
      keep(await send(operationId, body, options)),
    keep,
    cookie: (): string | undefined => jar,
    setCookie: (value: string | undefined): void => {
      jar = value
    }
  }
}

export const cookieOf = (value: string): string => `theme=dark; ${REFRESH_COOKIE}=${value}; other=1`
