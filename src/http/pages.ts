import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import { sha256 } from '../lib/capability.ts'
import { type ProblemCode, problemCodes, problems } from '../problems.ts'
import { sendProblem } from './errors.ts'

const STYLE = `
:root { color-scheme: light dark; font: 1rem/1.6 system-ui, sans-serif }
body { max-width: 42rem; margin: 3rem auto; padding: 0 1rem }
h1 { line-height: 1.25 } code { font-family: ui-monospace, monospace } dt { font-weight: 600; margin-top: 1rem } dd { margin: 0 }`

/** No script, no foreign host, no frame: our pages are text. */
const CSP = `default-src 'none'; style-src 'sha256-${sha256(STYLE).toString('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign] as string)
const prose = (text: string): string => escaped(text).replace(/`([^`]+)`/g, '<code>$1</code>')

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
<main>
${body}
</main>
</html>
`
}

const problemPage = (code: ProblemCode): string =>
  page(
    problems[code].title,
    `<p><a href="/problems">All problems</a></p>
<h1>${prose(problems[code].title)}</h1>
<p>${prose(problems[code].help)}</p>
<dl>
<dt>Code</dt><dd><code>${code}</code></dd>
<dt>Status</dt><dd><code>${problems[code].status}</code></dd>
</dl>`
  )

const overview = (): string =>
  page(
    'Problems',
    `<h1>Problems</h1>
<dl>
${problemCodes.map((code) => `<dt><a href="/problems/${code}">${code}</a> (${problems[code].status})</dt><dd>${prose(problems[code].title)}</dd>`).join('\n')}
</dl>`
  )

const sendPage = (reply: FastifyReply, html: string) =>
  reply
    .headers({ 'content-security-policy': CSP, 'cache-control': 'public, max-age=300' })
    .type('text/html; charset=utf-8')
    .send(html)

/** A page per problem: what `type` in a refusal points at. */
export const problemPages: FastifyPluginAsync = async (app) => {
  app.get('/problems', { schema: { hide: true } }, (_request, reply) => sendPage(reply, overview()))
  app.get<{ Params: { code: string } }>('/problems/:code', { schema: { hide: true } }, (request, reply) => {
    const code = problemCodes.find((known) => known === request.params.code)
    return code === undefined ? sendProblem(request, reply, 'not-found') : sendPage(reply, problemPage(code))
  })
}
