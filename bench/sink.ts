/** A real SMTP server that takes every mail and forgets it; a process of its own, told what to do over its channel. */
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'

export type Arrival = { to: string; at: number }
/** `count`: mails so far. `watch`: note arrivals from here on. `arrivals`: what was noted. `forget`: note no more. */
type Question = 'count' | 'watch' | 'arrivals' | 'forget'

/** Milliseconds on the machine's own clock, which all processes share. */
export const machineTime = (): number => Number(process.hrtime.bigint()) / 1e6

function serve(): void {
  let count = 0
  let arrivals: Arrival[] | undefined
  const server = new SMTPServer({
    authOptional: true,
    hideSTARTTLS: true,
    disableReverseLookup: true,
    onData: (stream, { envelope }, done) => {
      stream.resume()
      stream.on('end', () => {
        count += 1
        arrivals?.push({ to: envelope.rcptTo[0]?.address ?? '', at: machineTime() })
        done()
      })
    }
  })
  const note = (list: Arrival[] | undefined): true => {
    arrivals = list
    return true
  }
  const answers: Record<Question, () => unknown> = {
    count: () => count,
    watch: () => note([]),
    arrivals: () => arrivals ?? [],
    forget: () => note(undefined)
  }
  server.on('error', () => {}) // a client that hangs up in the middle
  process.on('message', (question: Question) => process.send?.(answers[question]()))
  process.on('disconnect', () => process.exit(0))
  server.listen(0, '127.0.0.1', () => process.send?.((server.server.address() as AddressInfo).port))
}

if (import.meta.main) serve()
