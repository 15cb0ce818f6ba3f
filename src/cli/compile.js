// Fills Node's compile cache with everything that a server imports, when an image is built: a container then strips and
// compiles nothing as it starts. Plain JavaScript, so that the cache is on before a file is stripped of its types.
import { enableCompileCache } from 'node:module'

enableCompileCache()
await import('./main.ts')
await import('./serve.ts')
await import('../hashing/start-worker.js')
await import('../limit/shared-counts.ts')
await import('../metrics/metrics.ts')
await import('../metrics/listener.ts')
