import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import t from 'tap'
import { problemCodes } from '../../src/problems.ts'
import { start } from '../helper.ts'

const folder = fileURLToPath(new URL('./static/', import.meta.resolve('@fastify/swagger-ui')))

t.test('the pages of problems run nothing, stand in no frame and may be kept for five minutes', async (t) => {
  const { url } = await start(t)
  const policy = /^default-src 'none'; style-src 'sha256-[\w+/]{43}='; .*frame-ancestors 'none'$/

  for (const path of ['/problems', ...problemCodes.map((code) => `/problems/${code}`)]) {
    const { headers } = await fetch(url + path)
    t.match(headers.get('content-security-policy'), policy, path)
    t.equal(headers.get('cache-control'), 'public, max-age=300', path)
  }
})

t.test('of the folder of the reference page only its own files can be had', async (t) => {
  const { url } = await start(t)
  const secret = join(import.meta.dirname, '../../src/cli/postern.js')
  const up = (path: string) => encodeURIComponent(relative(folder, path))
  const absolute = encodeURIComponent(pathToFileURL(secret).href)

  for (const name of [up(secret), absolute, 'nothing.js', 'index.cjs', '.']) {
    const { status, headers } = await fetch(`${url}/docs/static/${name}`)
    t.equal(status, 404, name)
    t.match(headers.get('content-type'), 'application/problem+json', name)
  }
})

t.test(
  'the reference and the contract may be kept for five minutes, and the page runs nothing of anybody else',
  async (t) => {
    const { url } = await start(t)

    for (const path of ['/openapi.json', '/docs/static/swagger-ui-bundle.js'])
      t.equal((await fetch(url + path)).headers.get('cache-control'), 'public, max-age=300', path)
    const { headers } = await fetch(`${url}/docs/static/index.html`)
    t.equal(headers.get('x-content-type-options'), 'nosniff')
    const page = await fetch(`${url}/docs`)
    t.match(
      page.headers.get('content-security-policy'),
      /^default-src 'none'; .*script-src 'self';.*frame-ancestors 'none'$/
    )
    t.match(await page.text(), '<head><meta name="viewport"')
  }
)
