// Fills Node's compile cache with everything that a server imports: before the first start, or when an image is built. A service
// then strips and compiles nothing as it starts. Plain JavaScript, so that the cache is on before a file is stripped of its types.
import { readdirSync, writeFileSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { markOfWarmth } from './warm-up.js'

enableCompileCache()
await import('./main.ts')
await import('./serve.ts')
await import('../hashing/start-worker.js')
await import('../limit/shared-counts.ts')
await import('../metrics/metrics.ts')
await import('../metrics/listener.ts')
const migrations = new URL('../../migrations/', import.meta.url)
for (const name of readdirSync(migrations)) await import(new URL(name, migrations).href)
const mark = markOfWarmth()
if (mark !== undefined) writeFileSync(mark, '')
