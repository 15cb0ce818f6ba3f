import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import t, { type Test } from 'tap'
import { makeLog } from '../../src/cli/log.ts'
import { readConfig } from '../../src/config.ts'
import type { Context } from '../../src/context.ts'
import { breachCheckFailures } from '../../src/password/breach.ts'
import { requireGoodPassword } from '../../src/password/policy.ts'
import type { Problem } from '../../src/problems.ts'
import { email, password, startWithPasswords } from './with-password.ts'

/** What becomes of a new password: no database and no hash has a part in it. */
function startPolicy(settings: Record<string, string> = {}, address = email) {
  const log: string[] = []
  const lines = new Writable({ write: (chunk, _encoding, done) => done(void log.push(String(chunk))) })
  const ctx = { config: readConfig(settings), log: makeLog('info', lines) } as Context
  const judge = async (given: string): Promise<string> => {
    try {
      await requireGoodPassword(ctx, given, address)
      return 'taken'
    } catch (error) {
      return (error as Problem).details.reason ?? `${error}`
    }
  }
  return { judge, log }
}

async function breachService(t: Test, answer: RequestListener) {
  const asked: { url: string | undefined; padding: unknown; agent: unknown }[] = []
  const server = createServer((request, response) => {
    const { 'add-padding': padding, 'user-agent': agent } = request.headers
    asked.push({ url: request.url, padding, agent })
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/range/`, asked }
}

t.test('a password has 15 characters at least, however many bytes they are, and 1,024 bytes at most', async (t) => {
  const { judge } = startPolicy()

  t.equal(await judge('xkwq vbtz nplm'), 'too_short')
  t.equal(await judge('xkwq vbtz nplmr'), 'taken')
  t.equal(await judge('🦊🐙🦉🐝🦋🐢🐬🦔🐿🦜🐌🦀🐞🦓'), 'too_short')
  t.equal(await judge('🦊🐙🦉🐝🦋🐢🐬🦔🐿🦜🐌🦀🐞🦓🐘'), 'taken')
  t.equal(await judge('é'.normalize('NFD').repeat(14)), 'too_short', 'what is measured is the NFC form')
  t.equal(await judge(`xkwq vbtz ${'é'.repeat(507)}`), 'taken')
  t.equal(await judge(`xkwq vbtz ${'é'.repeat(508)}`), 'too_long')
  t.equal(await judge('x'.repeat(9000)), 'too_long')
  t.equal(await judge(''), 'too_short')
})

t.test('a password is composed before it is measured, unless it is too long in any form', async (t) => {
  const { judge } = startPolicy()
  const composed = t.capture(String.prototype, 'normalize', String.prototype.normalize)
  const lengths = () => composed().map(({ receiver }) => String(receiver).length)

  t.equal(await judge('ǖ'.repeat(513).normalize('NFD')), 'too_long')
  t.ok(lengths().includes(1539))
  t.equal(await judge('ǖ'.repeat(500).normalize('NFD')), 'common', 'with 1,500 letters it may still be short enough')
  lengths()

  t.equal(await judge(`a${'\u0301'.repeat(4000)}${'\u0316'.repeat(4000)}`), 'too_long')
  t.same(lengths(), [], 'thousands of marks are not put in order, which takes quadratic time')
})

t.test('nothing is asked of which characters it is made of', async (t) => {
  const { judge } = startPolicy()

  for (const good of [
    'nur kleine buchstaben',
    'UND LAUTER GROSSE DA',
    '829104756301928',
    'слон и кит в море',
    password
  ])
    t.equal(await judge(good), 'taken', good)
})

t.test('a common password is refused in whatever case, and one repeated until it is long enough', async (t) => {
  const { judge } = startPolicy({ PASSWORD_MIN_LENGTH: '8' })

  for (const common of [
    'password',
    'PassWord',
    'passwordpassword',
    'passwordPassWord',
    'enterprise',
    'qwertyuiop',
    '123456789012345',
    'aaaaaaaaaaaaaaa',
    'abcabcabcabc',
    'xqjXQJxQjXqJ',
    'ｐａｓｓｗｏｒｄ',
    'pässwörd'
  ])
    t.equal(await judge(common), 'common', common)
  for (const good of ['vexing otter', '","password","']) t.equal(await judge(good), 'taken', good)
})

t.test('a password made of the address or the brand is refused; one that only mentions them is not', async (t) => {
  const { judge } = startPolicy({ BRAND_NAME: 'Acme Bank', PASSWORD_MIN_LENGTH: '8' })

  for (const personal of [
    'maya@example.com',
    'Maya.Example.2026',
    'example-maya-1',
    'AcmeBank2026!',
    'maya@AcmeBank',
    'maya2026',
    'maya-maya-maya-maya-1',
    'Máyà.Êxample',
    'ａｃｍｅbänk１２'
  ])
    t.equal(await judge(personal), 'personal', personal)
  for (const good of ['maya sieht gern Wolken', 'the bank by the river', 'vexing otter'])
    t.equal(await judge(good), 'taken', good)
})

t.test('three letters of the brand count as a piece of it, and eight characters of one’s own are enough', async (t) => {
  const of = (brand: string) => startPolicy({ BRAND_NAME: brand, PASSWORD_MIN_LENGTH: '8' }).judge

  t.equal(await of('Zyx')('zyxvexingo'), 'personal')
  t.equal(await of('Zyx')('zyxvexingot'), 'taken')
  t.equal(await of('Zy')('zyvexingo'), 'taken')
})

t.test('an address of short pieces is one that anybody can look up all the same', async (t) => {
  const { judge } = startPolicy({ PASSWORD_MIN_LENGTH: '8' }, 'jo.li@xy.io')
  const short = startPolicy({ PASSWORD_MIN_LENGTH: '8' }, 'jo@xy.io')

  for (const personal of ['Jo-Li vexing', 'vexing@xy.io', 'jo.li@xy.io vexing'])
    t.equal(await judge(personal), 'personal', personal)
  t.equal(await short.judge('jo@xy.io vexing'), 'personal')
  t.equal(await judge('jo vexing otter'), 'taken')
})

t.test('of two pieces of which one holds the other the longer is taken away', async (t) => {
  const { judge } = startPolicy({ PASSWORD_MIN_LENGTH: '8' }, 'mark.markham@acme.test')

  t.equal(await judge('Markham vexing'), 'personal')
})

t.test('a refusal tells the person nothing to switch on but its reason', async (t) => {
  const { api, signIn } = await startWithPasswords(t)
  const bearer = (await signIn(email)).body.access_token

  const short = await api.changePassword({ password: 'short' }, { bearer })
  const long = await api.changePassword({ password: 'xkwq vbtz '.repeat(103) }, { bearer })

  t.match(short.problem, {
    type: '/problems/password-refused',
    status: 422,
    reason: 'too_short',
    min_length: 15,
    detail: /15 characters/
  })
  t.match(long.problem, { status: 422, reason: 'too_long', detail: /1024 bytes/ })
  t.equal(long.problem?.min_length, undefined)
})

t.test('a password that was seen in a leak is refused, and only five digits of its digest are told', async (t) => {
  // SHA-1 of `correct horse battery staple` is ABF7AAD6438836DBE526AA231ABDE2D0EEF74D42.
  const lines = [
    '0018A45C4D1DEF81644B54AB7F969B88D65:1',
    'AD6438836DBE526AA231ABDE2D0EEF74D42:217',
    '011053FD0102E94D6AE2F8B83D76FAF94F6:0'
  ]
  const { url, asked } = await breachService(t, (_request, response) => response.end(lines.join('\r\n')))
  const { judge } = startPolicy({ BREACH_CHECK_URL: url })

  t.equal(await judge('correct horse battery staple'), 'breached')
  t.strictSame(asked, [{ url: '/range/ABF7A', padding: 'true', agent: 'postern' }])
  t.equal(await judge(password), 'taken')
})

t.test('a line in small letters tells of a leak too', async (t) => {
  const { url } = await breachService(t, (_request, response) =>
    response.end('ad6438836dbe526aa231abde2d0eef74d42:1\n')
  )
  const { judge } = startPolicy({ BREACH_CHECK_URL: url })

  t.equal(await judge('correct horse battery staple'), 'breached')
})

t.test('a line that only pads the answer is no leak', async (t) => {
  const { url } = await breachService(t, (_request, response) => response.end('AD6438836DBE526AA231ABDE2D0EEF74D42:0'))
  const { judge } = startPolicy({ BREACH_CHECK_URL: url })

  t.equal(await judge('correct horse battery staple'), 'taken')
})

t.test('a service that sends elsewhere is not followed', async (t) => {
  const { url, asked } = await breachService(t, (request, response) => {
    if (request.url === '/elsewhere') response.end('AD6438836DBE526AA231ABDE2D0EEF74D42:217')
    else response.writeHead(302, { location: '/elsewhere' }).end()
  })
  const { judge } = startPolicy({ BREACH_CHECK_URL: url })

  t.equal(await judge('correct horse battery staple'), 'taken')
  t.match(asked, [{ url: '/range/ABF7A' }])
})

for (const [what, answer] of [
  ['that fails', (_request, response) => response.writeHead(500).end()],
  ['that leads elsewhere', (_request, response) => response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end()],
  ['that never answers', () => undefined]
] as [string, RequestListener][])
  t.test(`a service ${what} keeps nobody from setting a password, and is counted`, async (t) => {
    const { url } = await breachService(t, answer)
    const { judge, log } = startPolicy({ BREACH_CHECK_URL: url })
    const begun = performance.now()
    const before = breachCheckFailures()

    t.equal(await judge(password), 'taken')

    t.ok(performance.now() - begun < 30_000)
    const line = log.find((one) => one.includes('could not check a new password'))
    t.equal(breachCheckFailures(), before + 1)
    t.match(line, `"failures":${before + 1},`)
    t.notMatch(line, /Zwetschgen/)
  })
