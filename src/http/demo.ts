import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyPluginAsync } from 'fastify'
import { CONTENT_TYPES } from './content-types.ts'

const FOLDER = fileURLToPath(new URL('../../examples/dashboard/', import.meta.url))

/** Scripts, styles and requests of this origin, nothing of any other, and no text that becomes markup. */
const DEMO_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

/** Whether the demo is there: an image of the operator's own may leave the folder out. */
export const demoIsHere = (): boolean => existsSync(FOLDER)

/** The demo dashboard at `/`. Each file is a route of its own, so that no path reaches anything else. It is not registered in production. */
export const demoRoutes: FastifyPluginAsync<{ brand: string }> = async (app, { brand }) => {
  const name = brand.replaceAll('&', '&amp;') // the setting has no quotes and no brackets
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => CONTENT_TYPES[extname(file)] !== undefined && file !== 'serve.js')

  for (const file of files) {
    const type = CONTENT_TYPES[extname(file)] as string
    app.get(file === 'index.html' ? '/' : `/${file}`, { schema: { hide: true } }, (_request, reply) => {
      const text = readFileSync(join(FOLDER, file), 'utf8') // read each time, so that reloading the page shows an edit
      reply.headers({ 'content-security-policy': DEMO_CSP, 'referrer-policy': 'no-referrer' }).type(type)
      return reply.send(type.startsWith('text/html') ? branded(text, name) : text)
    })
  }
}

const branded = (html: string, name: string): string =>
  html.replace(/(<meta name="application-name" content=")[^"]*/, (_all, start: string) => start + name)
