import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { assemble } from '../boot.ts'
import { readConfig } from '../config.ts'
import { buildApp } from '../http/app.ts'
import { makeLog } from './log.ts'

const FILE = new URL('../../openapi/openapi.json', import.meta.url)

/** The contract as the routes declare it, with no database at hand. */
export async function contractText(): Promise<string> {
  const config = readConfig({ SECRET_KEYS: randomBytes(32).toString('base64url') })
  const { ctx } = await assemble(config, 'postgres://nowhere', makeLog('silent'))
  const app = await buildApp(ctx, { ready: () => Promise.reject(new Error('not started')), inbox: undefined })
  try {
    await app.ready()
    return `${JSON.stringify(app.swagger(), null, 2)}\n`
  } finally {
    await app.close()
    await ctx.db.destroy()
  }
}

/** Writes the contract, or only checks whether the committed one is stale (exit code 1). */
export async function writeContract({ check }: { check: boolean }): Promise<number> {
  const text = await contractText()
  if (!check) {
    await writeFile(FILE, text)
    return 0
  }
  if ((await readFile(FILE, 'utf8').catch(() => '')) === text) return 0
  console.error('openapi/openapi.json is stale: run `npm run openapi` and commit it.')
  return 1
}
