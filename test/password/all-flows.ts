import type { Api } from '../helper.ts'
import { until } from '../helper.ts'
import type { KnownSecrets } from '../known-secrets.ts'
import type { Received } from '../mail/servers.ts'
import { tokenIn } from './with-password.ts'

/** The text of a mail as a person reads it. */
const readable = (raw: string): string => raw.replaceAll('=\r\n', '').replaceAll('=3D', '=').replaceAll('\r\n', '\n')

/** Goes every way that a password takes, well and badly, and keeps each password and token that comes by. */
export async function goThroughPasswords(world: {
  api: Api
  email: string
  bearer: string
  secrets: KnownSecrets
  received: Received[]
}): Promise<void> {
  const { api, email, bearer, secrets, received } = world
  const [first, second, third] = ['erste', 'zweite', 'dritte'].map((which) => {
    const password = `${which} Zwetschge im Korb`
    secrets.password(password)
    return password
  }) as [string, string, string]
  const seen = new Set<string>()
  const link = async (): Promise<string> => {
    await api.requestPasswordReset({ email })
    const token = await until(() => {
      const mail = received.find(({ to, raw }) => to.includes(email) && raw.includes('#token') && !seen.has(raw))
      if (mail !== undefined) seen.add(mail.raw)
      return mail && tokenIn(readable(mail.raw))
    })
    secrets.token(token)
    return token
  }

  await api.changePassword({ password: first }, { bearer })
  const { body } = secrets.from(await api.loginWithPassword({ email, password: first }))
  const { device_token } = body
  secrets.from(await api.loginWithPassword({ email, password: first, device_token }))
  await api.loginWithPassword({ email, password: second, device_token })
  const [used, other] = [await link(), await link()]
  await api.inspectPasswordReset({ token: used })
  await api.resetPassword({ token: used, password: 'maya@example.com' })
  secrets.from(await api.resetPassword({ token: used, password: second }, { headers: { 'x-request-id': used } }))
  await api.resetPassword({ token: other, password: third })
  await api.resetPassword(`{"token":"${other}","password":"${third}"` as never)
  await api.requestPasswordReset({ email, device_token })
}
