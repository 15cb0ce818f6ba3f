/**
 * The yardstick: what the machine gives when each endpoint is one honest statement behind a bare Fastify, and nothing
 * else is done. No checks, no mail, no limits, no audit, no logging. It runs as a process of its own: DATABASE_URL, PORT.
 */
import { createHash, createHmac, createSecretKey, randomBytes } from 'node:crypto'
import Fastify from 'fastify'
import pg from 'pg'
import { v7 } from 'uuid'

const POOL_SIZE = 10
const codeKey = createSecretKey(Buffer.alloc(32, 'ideal'))

/** No mail brings the code, so that the load generator derives it too; it does the same work for the service's codes. */
export const codeOf = (id: string): string =>
  String(createHmac('sha256', codeKey).update(id).digest().readUInt32BE() % 1_000_000).padStart(6, '0')
export const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
export const newToken = (): string => randomBytes(32).toString('base64url')

const TABLES = `
  create schema if not exists ideal;
  create table if not exists ideal."user" (
    id uuid primary key, email text not null unique, created_at timestamptz not null default now());
  create table if not exists ideal.challenge (
    id uuid primary key, email text not null, code_digest bytea not null, tries_left smallint not null default 3,
    expires_at timestamptz not null default now() + interval '1 hour', used_at timestamptz);
  create table if not exists ideal.session (
    id uuid primary key, user_id uuid not null references ideal."user" (id), token_digest bytea not null unique,
    refresh_digest bytea not null unique, created_at timestamptz not null default now(),
    expires_at timestamptz not null default now() + interval '90 days');
  create table if not exists ideal.reset (
    id uuid primary key, email text not null, expires_at timestamptz not null default now() + interval '1 day')`

const REQUEST = `insert into ideal.challenge (id, email, code_digest) values ($1, $2, $3)`

const VERIFY = `
  with spent as (
    update ideal.challenge
    set tries_left = tries_left - 1, used_at = case when code_digest = $2 then now() end
    where id = $1 and used_at is null and tries_left > 0 and expires_at > now()
    returning email, used_at
  ), owner as (
    insert into ideal."user" (id, email) select $3, email from spent where used_at is not null
    on conflict (email) do update set email = excluded.email
    returning id, email, created_at
  ), opened as (
    insert into ideal.session (id, user_id, token_digest, refresh_digest) select $4, id, $5, $6 from owner
    returning id, created_at, expires_at
  )
  select opened.id, opened.created_at, opened.expires_at, owner.id as user_id, owner.email,
    owner.created_at as user_created_at
  from opened, owner`

const FORGOT = `insert into ideal.reset (id, email) values ($1, $2)`

const SESSION = `
  select s.id, s.created_at, s.expires_at, u.id as user_id, u.email, u.created_at as user_created_at
  from ideal.session as s join ideal."user" as u on u.id = s.user_id
  where s.token_digest = $1 and s.expires_at > now()`

const REFRESH = `
  update ideal.session as s set token_digest = $2, refresh_digest = $3 from ideal."user" as u
  where s.refresh_digest = $1 and s.expires_at > now() and u.id = s.user_id
  returning s.id, s.created_at, s.expires_at, u.id as user_id, u.email, u.created_at as user_created_at`

const text = { type: 'string' }
const time = { type: 'string', format: 'date-time' }
const object = (properties: Record<string, object>) => ({ type: 'object', properties })
const view = {
  session: object({ id: text, created_at: time, expires_at: time }),
  user: object({ id: text, email: text, created_at: time })
}
const opened = object({ access_token: text, refresh_token: text, expires_in: { type: 'integer' }, ...view })

type Row = { id: string; created_at: Date; expires_at: Date; user_id: string; email: string; user_created_at: Date }
const present = (row: Row) => ({
  session: { id: row.id, created_at: row.created_at, expires_at: row.expires_at },
  user: { id: row.user_id, email: row.email, created_at: row.user_created_at }
})

async function serve(): Promise<void> {
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: POOL_SIZE })
  await pool.query(TABLES)
  const run = async (name: string, statement: string, values: unknown[]): Promise<Row | undefined> =>
    (await pool.query<Row>({ name, text: statement, values })).rows[0]
  const app = Fastify()

  app.get('/livez', async () => ({ status: 'alive' }))

  app.post<{ Body: { email: string } }>(
    '/otp',
    { schema: { response: { 202: object({ challenge: text, expires_in: { type: 'integer' } }) } } },
    async (request, reply) => {
      const id = v7()
      await run('request', REQUEST, [id, request.body.email, digest(codeOf(id))])
      reply.code(202)
      return { challenge: id, expires_in: 3600 }
    }
  )

  app.post<{ Body: { challenge: string; code: string } }>(
    '/verify',
    { schema: { response: { 200: opened } } },
    async (request, reply) => {
      const { challenge, code } = request.body
      const [access, refresh] = [newToken(), newToken()]
      const row = await run('verify', VERIFY, [challenge, digest(code), v7(), v7(), digest(access), digest(refresh)])
      if (row === undefined) return reply.code(401).send()
      return { access_token: access, refresh_token: refresh, expires_in: 600, ...present(row) }
    }
  )

  app.get<{ Headers: { authorization: string } }>(
    '/session',
    { schema: { response: { 200: object(view) } } },
    async (request, reply) => {
      const row = await run('session', SESSION, [digest(request.headers.authorization.slice('Bearer '.length))])
      return row === undefined ? reply.code(401).send() : present(row)
    }
  )

  app.post<{ Body: { refresh_token: string } }>(
    '/refresh',
    { schema: { response: { 200: opened } } },
    async (request, reply) => {
      const [access, refresh] = [newToken(), newToken()]
      const row = await run('refresh', REFRESH, [digest(request.body.refresh_token), digest(access), digest(refresh)])
      if (row === undefined) return reply.code(401).send()
      return { access_token: access, refresh_token: refresh, expires_in: 600, ...present(row) }
    }
  )

  app.post<{ Body: { email: string } }>(
    '/forgot',
    { schema: { response: { 202: object({ expires_in: { type: 'integer' } }) } } },
    async (request, reply) => {
      await run('forgot', FORGOT, [v7(), request.body.email])
      reply.code(202)
      return { expires_in: 86_400 }
    }
  )

  process.once('SIGINT', () => process.exit(0)) // in order, so that a CPU profile is written
  await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
}

if (import.meta.main) await serve()
