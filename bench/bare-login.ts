/**
 * What HTTP and Postgres alone leave of the raw hash rate: a bare Fastify that looks up an account, hashes on the service's own
 * threads and writes a session. No checks, no budgets, no tokens that anybody could verify, no audit, no logging. It runs as
 * a process of its own: DATABASE_URL, PORT, HASH (the hash of every account).
 */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import Fastify from 'fastify'
import pg from 'pg'
import { v7 } from 'uuid'
import { type ParsedHash, parseHash } from '../src/hashing/hash-format.ts'
import { digest, newToken } from './ideal.ts'
import { SECRET } from './members.ts'

const POOL_SIZE = 10
const TABLE = `
  create schema if not exists bare;
  create table if not exists bare.session (id uuid primary key, user_id uuid not null, token_digest bytea not null unique)`
const FIND = `select id from postern."user" where email_key = $1`
const OPEN = `insert into bare.session (id, user_id, token_digest) values ($1, $2, $3)`

type Waiting = (matches: boolean) => void

/** Checks the one hash on as many threads as there are cores, first come, first served. */
function checker(hash: string): () => Promise<boolean> {
  const task = { check: parseHash(hash) as ParsedHash, secrets: [SECRET] }
  const program = new URL('../src/hashing/start-worker.js', import.meta.url)
  const free = Array.from({ length: availableParallelism() }, () => new Worker(program))
  const queue: Waiting[] = []
  const next = (): void => {
    while (queue.length > 0) {
      const thread = free.pop()
      if (thread === undefined) return
      const answer = queue.shift() as Waiting
      thread.once('message', (matches: boolean) => {
        free.push(thread)
        next()
        answer(matches)
      })
      thread.postMessage(task)
    }
  }
  return () =>
    new Promise((resolve) => {
      queue.push(resolve)
      next()
    })
}

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: POOL_SIZE })
await pool.query(TABLE)
const check = checker(process.env.HASH as string)
const text = { type: 'string' }
const app = Fastify()

app.get('/livez', async () => ({ status: 'alive' }))

app.post<{ Body: { email: string } }>(
  '/v1/login',
  { schema: { response: { 200: { type: 'object', properties: { session: text, access_token: text } } } } },
  async (request, reply) => {
    const { rows } = await pool.query<{ id: string }>({ name: 'find', text: FIND, values: [request.body.email] })
    if (!(await check()) || rows[0] === undefined) return reply.code(401).send()
    const [session, token] = [v7(), newToken()]
    await pool.query({ name: 'open', text: OPEN, values: [session, rows[0].id, digest(token)] })
    return { session, access_token: token }
  }
)

process.once('SIGINT', () => process.exit(0))
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
