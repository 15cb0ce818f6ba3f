// @ts-check

import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join } from 'node:path'
import { parseArgs } from 'node:util'

/**
 * Serves this folder from an origin of its own: `node serve.js --port 8080 --api http://localhost:3000`. The service has to list that
 * origin: `CORS_ORIGINS=http://localhost:8080`.
 */
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    api: { type: 'string', default: 'http://localhost:3000' },
    brand: { type: 'string', default: 'Postern' }
  }
})
const api = new URL(values.api).origin

/** @type {Record<string, string>} */
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml'
}

const headers = {
  'content-security-policy': `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src ${api}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'`,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store'
}

/** Only what is in the list is served, so no path leads out of the folder. */
const files = new Map(
  readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => TYPES[extname(file)] !== undefined && file !== 'serve.js')
    .map((file) => [file === 'index.html' ? '/' : `/${file}`, file])
)

/** @param {string} html */
const fitted = (html) =>
  html
    .replace('name="postern-api" content=""', `name="postern-api" content="${api}"`)
    .replace('name="application-name" content="Postern"', () => {
      const name = values.brand.replaceAll('&', '&amp;').replaceAll('"', '&quot;')
      return `name="application-name" content="${name}"`
    })

const server = createServer((request, response) => {
  const file = files.get(new URL(request.url ?? '/', 'http://localhost').pathname)
  if (file === undefined || !['GET', 'HEAD'].includes(request.method ?? '')) {
    response.writeHead(404).end()
    return
  }
  const text = readFileSync(join(import.meta.dirname, file), 'utf8')
  const type = TYPES[extname(file)] ?? ''
  response.writeHead(200, { ...headers, 'content-type': type }).end(type.startsWith('text/html') ? fitted(text) : text)
})
server.listen(Number(values.port), 'localhost', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') console.log(`http://localhost:${address.port}/ uses ${api}`)
})
