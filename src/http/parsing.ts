import type { FastifyInstance } from 'fastify'
import { strictJson } from '../lib/strict-json.ts'
import { Problem } from '../problems.ts'

const JSON_IN_UTF8 = /^application\/json(?:\s*;\s*charset="?utf-8"?)?$/i
const PLAIN = /^(identity)?$/i

/** Bodies are JSON in UTF-8 without anything two readers could understand differently. Everything else is 415 or 400. */
export function parseStrictly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(JSON_IN_UTF8, { parseAs: 'buffer' }, ({ headers }, bytes, done) => {
    if (!PLAIN.test(headers['content-encoding'] ?? 'identity'))
      return done(new Problem('unsupported-media-type', { detail: 'a body is taken without a Content-Encoding' }))
    try {
      done(null, strictJson(utf8.decode(bytes as Buffer)))
    } catch (error) {
      const detail = `the body is not JSON: ${(error as Error).message}`
      done(new Problem('invalid-request', { errors: [{ pointer: '', detail }] }))
    }
  })
  // A POST that sends nothing at all means an empty object, which most clients can't be bothered to write.
  app.addHook('preValidation', (request, _reply, done) => {
    if (request.method === 'POST' && request.body === undefined) request.body = {}
    done()
  })
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
