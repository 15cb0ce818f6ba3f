// Plain JavaScript: it runs before the first file is stripped of its types.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { getCompileCacheDir } from 'node:module'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
const PATIENCE = 30_000 // milliseconds; a start without the cache is only slower

/** Where it is noted that the compile cache holds these very sources; undefined without a cache. */
export function markOfWarmth() {
  const folder = getCompileCacheDir()
  if (folder === undefined) return undefined
  const digest = createHash('sha256').update(ROOT)
  for (const sources of [join(ROOT, 'src'), join(ROOT, 'migrations')])
    for (const name of readdirSync(sources, { recursive: true, encoding: 'utf8' }).sort()) {
      const about = statSync(join(sources, name))
      if (about.isDirectory()) continue // its size is that of the file system, which is another where an image is pulled
      const { size, mtimeMs } = about
      // The layers of an image hold whole seconds: a pulled one would not know its own sources by what the build saw.
      digest.update(`${name} ${size} ${Math.floor(mtimeMs / 1000)}\n`)
    }
  return join(folder, `postern-${digest.digest('hex').slice(0, 16)}`)
}

/**
 * Has another process fill the compile cache before the first start of new sources. Node's stripper of types stays in memory
 * once it was needed, some 20 MB, and every sweep of the heap would go over it for as long as the service runs.
 */
export async function warmUp() {
  try {
    const mark = markOfWarmth()
    if (mark === undefined || existsSync(mark)) return
    const { spawnSync } = await import('node:child_process')
    const program = join(import.meta.dirname, 'compile.js')
    spawnSync(process.execPath, [...process.execArgv, program], { stdio: 'ignore', timeout: PATIENCE })
  } catch {
    // Nothing here is worth a start: a folder that cannot be read or written costs memory, no more.
  }
}
