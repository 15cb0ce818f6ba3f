import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { readConfig } from '../../src/config.ts'
import { newKey, start, until } from '../helper.ts'
import { rawSocket } from '../raw-socket.ts'

const folder = new URL('../../examples/dashboard/', import.meta.url)

const production = {
  NODE_ENV: 'production',
  HOST: '127.0.0.1',
  PUBLIC_URL: 'https://auth.example.com',
  SMTP_URL: 'smtp://127.0.0.1:9',
  SECRET_KEYS: newKey(),
  PASSWORD_PEPPERS: newKey(),
  RESET_URL: 'https://app.example.com/reset',
  CLIENT_LIMITS: 'on'
}

t.test(
  'in development the demo is at /, under a policy without anything inline, by the name of the brand',
  async (t) => {
    const { url } = await start(t, { BRAND_NAME: 'Bits & Bolts' })

    const page = await fetch(`${url}/`)
    const html = await page.text()
    const linked = [...html.matchAll(/(?:src|href)="([^"#./][^"]*)"/g)].map(([, path]) => path as string)
    const files = await Promise.all(linked.map((path) => fetch(`${url}/${path}`)))
    const script = await fetch(`${url}/main.js`)

    t.match(page.headers.get('content-type'), 'text/html')
    t.match(page.headers.get('content-security-policy'), /^default-src 'none'; script-src 'self'; style-src 'self';/)
    t.match(page.headers.get('content-security-policy'), /require-trusted-types-for 'script'; trusted-types 'none'$/)
    t.notMatch(page.headers.get('content-security-policy'), /unsafe/)
    t.equal(page.headers.get('referrer-policy'), 'no-referrer')
    t.match(html, 'name="application-name" content="Bits &amp; Bolts"')
    t.ok(linked.includes('main.js') && linked.includes('styles/page.css'))
    t.ok(files.every(({ status }) => status === 200))
    t.equal(script.headers.get('content-type'), 'text/javascript; charset=utf-8')
  }
)

t.test('nothing else of the folder or outside of it can be had', async (t) => {
  const { url } = await start(t)
  const paths = [
    '/serve.js',
    '/README.md',
    '/tsconfig.json',
    '/screens',
    '/screens/',
    '/index.html',
    '/../dashboard/main.js'
  ]
  const tricks = [
    '/../../package.json',
    '/%2e%2e/%2e%2e/package.json',
    '/screens/../../../package.json',
    '/screens%2femail.js'
  ]

  for (const path of [...paths, ...tricks]) {
    const socket = await rawSocket(t, url)
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    t.match(await until(() => /^HTTP\/1\.1 (\d+)/.exec(socket.said())?.[1]), '404', path)
  }
})

t.test('in production there is no demo, and no page for changing a password unless one is named', async (t) => {
  const { url, another } = await start(t, production)
  const named = await another({ CHANGE_PASSWORD_URL: 'https://app.example.com/account?tab=password' })

  const missing = await Promise.all(
    ['/', '/main.js', '/reset-password.html', '/dev/inbox', '/.well-known/change-password'].map((path) =>
      fetch(url + path)
    )
  )
  const led = await fetch(`${named.url}/.well-known/change-password`, { redirect: 'manual' })

  t.strictSame(new Set(missing.map(({ status }) => status)), new Set([404]))
  t.equal(led.status, 303)
  t.equal(led.headers.get('location'), 'https://app.example.com/account?tab=password')
})

t.test('only a web address is a page for changing a password', async (t) => {
  for (const page of ['javascript:alert(1)', '//evil.example', 'account', 'http://app.example.com/account'])
    t.throws(() => readConfig({ CHANGE_PASSWORD_URL: page }), /CHANGE_PASSWORD_URL must be/, page)
})

t.test('in development password managers are led to the demo', async (t) => {
  const { url } = await start(t)

  const led = await fetch(`${url}/.well-known/change-password`, { redirect: 'manual' })

  t.equal(led.status, 303)
  t.equal(led.headers.get('location'), 'http://localhost:3000/#forgot')
})

t.test('every language has every text, and the pages hold the English one', async (t) => {
  const texts = (language: string): Record<string, string> => {
    const source = readFileSync(new URL(`texts/${language}.js`, folder), 'utf8')
    return new Function(`return ${source.slice(source.indexOf('{', source.indexOf('export const')))}`)()
  }
  const english = texts('en')
  const parts = (text: string | undefined) => [...(text ?? '').matchAll(/\{\w+\}/g)].map(([part]) => part)

  for (const language of ['fr', 'de', 'es']) {
    const theirs = texts(language)
    const odd = Object.entries(theirs).filter(
      ([key, text]) => !text || !new Set(parts(english[key])).isSupersetOf(new Set(parts(text)))
    )
    t.strictSame([Object.keys(theirs), odd], [Object.keys(english), []], language)
  }
  for (const page of readdirSync(folder).filter((file) => file.endsWith('.html'))) {
    const html = readFileSync(new URL(page, folder), 'utf8')
    const named = [...html.matchAll(/data-(?:text|label)="(\w+)"/g)].map(([, key]) => key as string)
    const written = [...html.matchAll(/data-text="(\w+)"[^>]*>([^<]+)</g)].filter(([, key]) => key !== 'brand')

    t.strictSame(
      named.filter((key) => !english[key]),
      [],
      page
    )
    t.strictSame(
      written.map(([, , text]) => text?.trim()),
      written.map(([, key]) => english[key as string]),
      page
    )
  }
})
