import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'

const ROOT = join(import.meta.dirname, '../..')

/** Runs Node with a compile cache in a folder, and answers its exit code and what it said. */
const node = (
  cache: string,
  args: string[],
  env: Record<string, string> = {}
): Promise<{ code: number; said: string }> =>
  new Promise((resolve) => {
    const settings = { PATH: process.env.PATH, NODE_COMPILE_CACHE: cache, ...env }
    const child = execFile(process.execPath, args, { cwd: ROOT, env: settings }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, said: stdout + stderr })
    )
  })

t.test('the first start of new sources fills the cache, so that types are stripped in another process', async (t) => {
  const cache = mkdtempSync(join(tmpdir(), 'postern-warm-'))
  t.teardown(() => rmSync(cache, { recursive: true, force: true }))
  const stripper = `process.moduleLoadList.some((name) => name.includes('deps/amaro/dist'))`
  const serve = `await import('./src/cli/serve.ts'); console.log(${stripper})`

  const first = await node(cache, ['src/cli/postern.js'], { PORT: 'none' })
  const later = await node(cache, ['--input-type=module', '--eval', serve])

  t.equal(first.code, 1)
  t.match(first.said, /PORT/)
  t.ok(readdirSync(cache, { recursive: true, encoding: 'utf8' }).some((name) => /postern-\w+$/.test(name)))
  t.same(later, { code: 0, said: 'false\n' })
})

t.test('a cache that cannot be written is no reason not to start', async (t) => {
  const { code, said } = await node('/dev/null/cache', ['src/cli/postern.js'], { PORT: 'none' })

  t.equal(code, 1)
  t.match(said, /PORT/)
})
