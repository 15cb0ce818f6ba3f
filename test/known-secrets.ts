import { createHmac, type KeyObject } from 'node:crypto'
import pg from 'pg'
import type { Secrets } from '../src/keys/secrets.ts'
import type { Answer } from './contract-client.ts'

const MAC_BYTES = 16
const SEED_BYTES = 16

const spellings = (bytes: Buffer): string[] => [
  bytes.toString('hex'),
  bytes.toString('base64url'),
  bytes.toString('base64').replace(/=+$/, '')
]
const textSpellings = (text: string): string[] => [text, ...spellings(Buffer.from(text))]

/** Every secret that a test has met, in every spelling it could be written down in. */
export class KnownSecrets {
  readonly #spelt = new Map<string, string>()
  readonly #peppers: Buffer[] = []

  #add(what: string, forms: readonly string[]): void {
    for (const form of forms) this.#spelt.set(form, what)
  }

  /** Takes the tokens out of an answer; answers it unchanged. */
  from(answer: Answer): Answer {
    const { access_token, ...tokens } = (answer.body ?? {}) as Record<string, string | undefined>
    for (const token of [tokens.challenge, tokens.refresh_token, tokens.device_token])
      if (token !== undefined) this.token(token)
    if (access_token !== undefined) this.jwt(access_token)
    return answer
  }

  /** A token of ours: whole, without its prefix, and the parts of it that only its holder has. */
  token(token: string): void {
    const kind = token.slice(0, 4)
    const bytes = Buffer.from(token.slice(4), 'base64url')
    const mac = bytes.subarray(-MAC_BYTES)
    this.#add(`${kind} token`, [...textSpellings(token), ...textSpellings(token.slice(4)), ...spellings(bytes)])
    this.#add(`MAC of a ${kind} token`, spellings(mac))
    if (kind === 'rfr_' || kind === 'dev_')
      this.#add(`seed of a ${kind} token`, spellings(bytes.subarray(-MAC_BYTES - SEED_BYTES, -MAC_BYTES)))
  }

  jwt(token: string): void {
    const [, claims, signature] = token.split('.') as [string, string, string]
    this.#add('access token', textSpellings(token))
    this.#add('claims and signature', [claims, signature, ...spellings(Buffer.from(signature, 'base64url'))])
  }

  text(what: string, text: string): void {
    this.#add(what, [...textSpellings(text), text.toLowerCase(), text.toUpperCase()])
  }

  /** A pepper; it comes before the passwords that are hashed with it. */
  pepper(key: string): void {
    const bytes = Buffer.from(key, 'base64url')
    this.#peppers.push(bytes)
    this.#add('pepper', [...textSpellings(key), ...spellings(bytes)])
  }

  /** A password, and what is hashed in its place: with that nobody needs the pepper any more. */
  password(text: string): void {
    this.text('password', text)
    for (const pepper of this.#peppers)
      this.#add('peppered password', spellings(createHmac('sha384', pepper).update(text.normalize('NFC')).digest()))
  }

  /** A master key, and everything that is derived from it. */
  master(key: string, secrets: Secrets): void {
    this.#add('master key', spellings(Buffer.from(key, 'base64url')))
    for (const id of secrets.ring.ids)
      for (const [purpose, derived] of Object.entries(secrets.ring.find(id)?.for ?? {}))
        this.#add(`derived ${purpose} key`, spellings(derived.export()))
  }

  privateKey(key: KeyObject): void {
    const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
    const { d } = key.export({ format: 'jwk' })
    this.#add('private key', pem.split('\n').slice(1, -2))
    this.#add('private key', ['PRIVATE KEY', ...spellings(Buffer.from(d as string, 'base64url'))])
    this.#add('private key', spellings(key.export({ type: 'pkcs8', format: 'der' })))
  }

  get size(): number {
    return this.#spelt.size
  }

  get kinds(): string[] {
    return [...new Set(this.#spelt.values())].sort()
  }

  /** Which kinds of secrets stand in a text. One look for all of them first: most texts are long and hold none. */
  foundIn(text: string): string[] {
    if (!new RegExp([...this.#spelt.keys()].map(RegExp.escape).join('|')).test(text)) return []
    return [...new Set([...this.#spelt].filter(([form]) => text.includes(form)).map(([, what]) => what))]
  }
}

/** Every row of every table of every schema, the system's own and its statistics too; bytea as hex. */
export async function dumpDatabase(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('analyze')
  const tables = await client.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
     where c.relkind in ('r', 'm') and has_table_privilege(c.oid, 'select')`
  )
  const lines: string[] = []
  for (const { name } of tables.rows) {
    const { rows } = await client.query<{ line: string }>(`select t::text as line from ${name} as t`)
    lines.push(name, ...rows.map(({ line }) => line))
  }
  await client.end()
  return lines.join('\n')
}
