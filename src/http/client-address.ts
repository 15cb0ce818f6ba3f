import { isIP } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Context } from '../context.ts'
import { bareAddress } from '../lib/network.ts'
import { callerCheck } from '../limit/trusted-callers.ts'
import { Problem } from '../problems.ts'

const CALLER_KEY = 'x-postern-caller-key'
const CLIENT_ADDRESS = 'x-postern-client-address'

/**
 * Notes for whom a trusted caller speaks, and says once when headers come along that nobody believes. A key that is none of
 * the callers' changes nothing: the request counts for the address it came from.
 */
export function noteClientAddresses(app: FastifyInstance, { config, log }: Context): void {
  const isCaller = callerCheck(config.TRUSTED_CALLERS)
  const said = new Set<string>()
  const sayOnce = (what: string, peer: string | undefined): void => {
    if (said.has(what)) return
    said.add(what)
    log.warn({ peer }, what)
  }

  app.decorateRequest('clientAddress', null)
  app.addHook('onRequest', (request, _reply, done) => {
    const { headers } = request
    if (isForwarded(request))
      sayOnce(
        'a peer outside of TRUSTED_PROXIES sends X-Forwarded-For or Forwarded, which is not believed: if it is your proxy, name its range',
        request.socket.remoteAddress
      )
    if (request.ip && isIP(request.ip) === 0) {
      request.clientAddress = bareAddress(request.ip) ?? null
      if (request.clientAddress === null)
        sayOnce(
          'a trusted proxy names clients by what is no IP address, so that all of them are one',
          request.socket.remoteAddress
        )
    }
    const key = headers[CALLER_KEY]
    if (typeof key !== 'string') return done()
    if (!isCaller(key)) {
      sayOnce('a key of X-Postern-Caller-Key is not in TRUSTED_CALLERS', request.socket.remoteAddress)
      return done()
    }
    const address = headers[CLIENT_ADDRESS]
    if (address === undefined) return done()
    if (typeof address !== 'string' || isIP(address) === 0) {
      const errors = [{ pointer: `/headers/${CLIENT_ADDRESS}`, detail: 'must be one IP address' }]
      return done(new Problem('invalid-request', { errors }))
    }
    request.clientAddress = address
    done()
  })
}

/** Whether somebody forwards for others whom we were not told to believe: no address of the header was taken. */
const isForwarded = (request: FastifyRequest): boolean =>
  (request.headers['x-forwarded-for'] !== undefined || request.headers.forwarded !== undefined) &&
  (request.ips?.length ?? 1) === 1
