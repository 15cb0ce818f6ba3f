/**
 * Looks at a server's health at a steady pace, whether or not it has answered the last look; a process of its own, for the
 * load generator's own pauses would count. Its argument is the URL; `start`, then `stop`, which answers the milliseconds of each look.
 */
import { Pool } from 'undici'

/** Milliseconds between two looks. */
const EVERY = 10
const CONNECTIONS = 32

function serve(url: string): void {
  const pool = new Pool(url, { connections: CONNECTIONS })
  let looks: Promise<number>[] = []
  let timer: NodeJS.Timeout | undefined
  const look = async (): Promise<number> => {
    const start = performance.now()
    const { statusCode, body } = await pool.request({ method: 'GET', path: '/livez' })
    await body.dump()
    return statusCode === 200 ? performance.now() - start : Number.POSITIVE_INFINITY
  }
  process.on('message', async (question: 'start' | 'stop') => {
    if (question === 'start') {
      await Promise.all(Array.from({ length: CONNECTIONS }, look))
      looks = []
      timer = setInterval(() => looks.push(look().catch(() => Number.POSITIVE_INFINITY)), EVERY)
      process.send?.('started')
      return
    }
    clearInterval(timer)
    process.send?.(await Promise.all(looks))
  })
  process.on('disconnect', () => process.exit(0))
  process.send?.('ready')
}

serve(process.argv[2] as string)
