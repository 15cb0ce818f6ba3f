import { type DestinationStream, type Logger, pino } from 'pino'
import { standardOutput } from './standard-output.ts'

/**
 * JSON lines. Of an error (`err`) only what cannot carry a secret or an address is kept; whoever logs other members keeps those out of
 * them.
 */
export function makeLog(level: string, destination: DestinationStream = standardOutput()): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError }
  }
  return pino(options, destination)
}

/** Name, message, code and stack. Other members of an error (a statement's parameters, a mail's envelope) stay out. */
function describeError(error: Error & { code?: unknown }): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) }
  const { name, message, code, stack, cause } = error
  return { name, message, code, stack, ...(cause instanceof Error && { cause: describeError(cause) }) }
}
