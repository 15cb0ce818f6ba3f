import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbedded } from '../src/db/embedded.ts'
import { migrate } from '../src/db/migrate.ts'

const TEMPLATE = 'postern_test_template'

/** Starts or joins the server that tests share. Its data is worth nothing, so it does not wait for the disk. */
export async function testServer(): Promise<{ url: string; stop: () => Promise<void> }> {
  const given = process.env.TEST_DATABASE_URL
  if (given) return { url: given, stop: async () => undefined }
  return await startEmbedded({
    dataDir: join(tmpdir(), `postern-tests-${process.getuid?.() ?? 'user'}`),
    settings: { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', max_connections: '400' }
  })
}

export async function query<Row extends pg.QueryResultRow>(
  url: string,
  text: string,
  values?: unknown[]
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(text, values)).rows
  } finally {
    await client.end()
  }
}

export function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}

/** Makes the database that every test's own is a copy of. */
export async function prepareTemplate(serverUrl: string): Promise<void> {
  await query(serverUrl, `drop database if exists ${TEMPLATE} with (force)`)
  await query(serverUrl, `create database ${TEMPLATE}`)
  await migrate(withDatabase(serverUrl, TEMPLATE))
}

let made = 0

/** A migrated database of the test's own. */
export async function makeDatabase(serverUrl: string): Promise<{ url: string; drop: () => Promise<void> }> {
  made += 1
  const name = `postern_test_${process.pid}_${made}`
  await query(serverUrl, `drop database if exists ${name} with (force)`)
  await query(serverUrl, `create database ${name} template ${TEMPLATE}`)
  const drop = async () => void (await query(serverUrl, `drop database if exists ${name} with (force)`))
  return { url: withDatabase(serverUrl, name), drop }
}
