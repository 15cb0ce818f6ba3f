import t from 'tap'
import { request } from 'undici'
import { start } from '../helper.ts'

t.test(
  'the inbox answers this machine, addresses and its public name, and no name that was pointed here',
  async (t) => {
    const { url, api } = await start(t, { PUBLIC_URL: 'https://auth.acme.example', TRUSTED_PROXIES: '127.0.0.1' })
    await api.requestOtp({ email: 'maya@example.com' })
    const statusAt = async (host: string) => {
      const { statusCode, body } = await request(`${url}/dev/inbox.json`, { headers: { host } })
      await body.dump()
      return statusCode
    }

    for (const host of [
      'localhost:3000',
      'app.localhost',
      '127.0.0.1:3000',
      '192.168.1.5:3000',
      '[::1]:3000',
      'auth.acme.example'
    ])
      t.equal(await statusAt(host), 200, host)
    const forwarded = await request(`${url}/dev/inbox.json`, {
      headers: { host: 'rebind.evil.example', 'x-forwarded-host': 'localhost' }
    })
    t.equal(forwarded.statusCode, 404, 'whatever a page sends besides')
    await forwarded.body.dump()
    for (const host of ['rebind.evil.example:3000', 'localhost.evil.example', '127.0.0.1.evil.example', 'notlocalhost'])
      t.equal(await statusAt(host), 404, host)
  }
)

t.test('a mail in the inbox runs no script and reaches no host', async (t) => {
  const { url } = await start(t)

  const { headers } = await fetch(`${url}/dev/inbox`)

  t.match(
    headers.get('content-security-policy'),
    /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'unsafe-inline'; connect-src 'self';/
  )
  t.match(headers.get('content-security-policy'), /base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/)
})
