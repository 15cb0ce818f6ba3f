import type { Test } from 'tap'
import type { InboxMail } from '../../src/mail/dev-inbox.ts'
import type { Answer } from '../contract-client.ts'
import { type Api, type Settings, start, until } from '../helper.ts'

export const email = 'maya@example.com'
export const password = 'sieben Zwetschgen im Korb'
export const another = 'acht Kirschen auf dem Baum'

/** The token of the link in a mail. */
export function tokenIn(text: string): string {
  const found = /#token=(rst_[\w-]+)$/m.exec(text)?.[1]
  if (found === undefined) throw new Error(`no link in: ${text}`)
  return found
}

/** A world in which passwords cost little, with hands for the whole way to a new one. */
export async function startWithPasswords(t: Test, settings: Settings = {}) {
  const world = await start(t, { BCRYPT_COST: '4', ...settings })
  const mails = (to: string): InboxMail[] => world.inbox?.mails(to) ?? []

  /** Asks for a link and answers the token from the mail that comes. */
  const askForLink = async (to: string = email, api: Api = world.api): Promise<string> => {
    const before = new Set(mails(to).map(({ id }) => id))
    await api.requestPasswordReset({ email: to })
    const mail = await until(() => mails(to).find(({ id, text }) => !before.has(id) && text.includes('#token=')))
    return tokenIn(mail.text)
  }
  const login = (given: string = password, to: string = email, api: Api = world.api): Promise<Answer> =>
    api.loginWithPassword({ email: to, password: given })
  /** Makes an account by code, sets a password from that session, and answers the sign-in by code. */
  const signUp = async (to: string = email, chosen: string = password): Promise<Answer> => {
    const signedIn = await world.signIn(to)
    const { status } = await world.api.changePassword({ password: chosen }, { bearer: signedIn.body.access_token })
    if (status !== 200) throw new Error(`the password was answered ${status}`)
    return signedIn
  }
  const isLive = async ({ body }: Answer, api: Api = world.api): Promise<boolean> =>
    (await api.getSession({ bearer: body.access_token })).status === 200
  const events = (kind: string) =>
    world.sql<{ outcome: string; user_id: string | null }>(
      'select outcome, user_id from postern.event where kind = $1 order by at, id',
      [kind]
    )
  return { ...world, mails, askForLink, login, signUp, isLive, events }
}
