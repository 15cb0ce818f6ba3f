import type { FastifyInstance } from 'fastify'
import { pointerTo } from '../lib/json-pointer.ts'
import { AmbiguousJson, strictJson } from '../lib/strict-json.ts'
import { Problem } from '../problems.ts'
import { UNKNOWN_MEMBER } from './errors.ts'

const JSON_IN_UTF8 = /^application\/json(?:\s*;\s*charset="?utf-8"?)?$/i
const PLAIN = /^(identity)?$/i

/** Bodies are JSON in UTF-8 without anything two readers could understand differently. Everything else is 415 or 400. */
export function parseStrictly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(JSON_IN_UTF8, { parseAs: 'buffer' }, ({ headers }, bytes, done) => {
    if (!PLAIN.test(headers['content-encoding'] ?? 'identity'))
      return done(new Problem('unsupported-media-type', { detail: 'send the body without a Content-Encoding' }))
    if (bytes.length === 0) return done(null, undefined) // many clients name the type of a body that they leave out
    try {
      done(null, strictJson(utf8.decode(bytes as Buffer), isNoBodyOfOurs))
    } catch (error) {
      done(new Problem('invalid-request', { errors: [{ pointer: '', detail: faultOf(error as Error) }] }))
    }
  })
  app.addHook('preValidation', (request, _reply, done) => {
    // A POST that sends nothing at all means an empty object, which most clients can't be bothered to write.
    if (request.method === 'POST' && request.body === undefined) request.body = {}
    if (request.method === 'DELETE' && request.body !== undefined) refuseMembers(request.body)
    // In a PATCH null would mean to take something away.
    if (request.method !== 'PATCH' && isObject(request.body)) dropNulls(request.body, request.routeOptions.schema?.body)
    done()
  })
}

/** No DELETE takes a member: whoever sends one means something that would not happen. */
function refuseMembers(body: unknown): void {
  if (!isObject(body)) throw new Problem('invalid-request', { errors: [{ pointer: '', detail: 'must be object' }] })
  const [name] = Object.keys(body)
  if (name === undefined) return
  throw new Problem('invalid-request', { errors: [{ pointer: pointerTo(name), detail: UNKNOWN_MEMBER }] })
}

/**
 * Takes members that are null for absent ones, as the serializers of many languages write what is not set. Unknown ones stay, to be
 * refused, and so does the refresh token: a client that has lost its own must not take the refusal for the end of its session.
 */
function dropNulls(body: Record<string, unknown>, schema: unknown): void {
  const known = isObject(schema) && isObject(schema.properties) ? schema.properties : {}
  for (const name of Object.keys(known))
    if (Object.hasOwn(body, name) && body[name] === null && name !== 'refresh_token') delete body[name]
}

/** What is wrong with a body, without the piece that V8 quotes: clients log it, and a password may stand there. */
const faultOf = (error: Error): string =>
  error instanceof AmbiguousJson
    ? error.message
    : `the body is not JSON: ${error.message.replace(/, (?:\.\.\.)?".*is not valid JSON$/s, '').toWellFormed()}`

const isObject = (body: unknown): body is Record<string, unknown> =>
  typeof body === 'object' && body !== null && !Array.isArray(body)

/** No operation takes half as many. */
const MOST_MEMBERS = 20

/** What every operation refuses when it is validated: a list, or an object that holds one or another object, or far too many members. */
function isNoBodyOfOurs(body: unknown): boolean {
  if (!isObject(body)) return true
  const values = Object.values(body)
  return values.length > MOST_MEMBERS || values.some((value) => typeof value === 'object' && value !== null)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
