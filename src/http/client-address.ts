import { isIP } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Context } from '../context.ts'
import { bareAddress } from '../lib/network.ts'
import { callerCheck } from '../limit/trusted-callers.ts'
import { Problem } from '../problems.ts'

const CALLER_KEY = 'x-postern-caller-key'
const CLIENT_ADDRESS = 'x-postern-client-address'

/**
 * Notes on whose behalf a trusted caller calls, and logs once when headers are ignored. A key that belongs to no trusted caller
 * changes nothing: the request counts for the address it came from.
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
        'X-Forwarded-For or Forwarded from a peer outside TRUSTED_PROXIES is ignored: if the peer is your proxy, add its address range',
        request.socket.remoteAddress
      )
    if (request.ip && isIP(request.ip) === 0) {
      request.clientAddress = bareAddress(request.ip) ?? null
      if (request.clientAddress === null)
        sayOnce(
          'a trusted proxy sends client addresses that are not IP addresses; all its clients share one quota',
          request.socket.remoteAddress
        )
    }
    const key = headers[CALLER_KEY]
    if (typeof key !== 'string') return done()
    if (!isCaller(key)) {
      sayOnce('a key sent in X-Postern-Caller-Key is not in TRUSTED_CALLERS', request.socket.remoteAddress)
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

/** Whether a peer that we do not trust forwards for others: no address of the header was used. */
const isForwarded = (request: FastifyRequest): boolean =>
  (request.headers['x-forwarded-for'] !== undefined || request.headers.forwarded !== undefined) &&
  (request.ips?.length ?? 1) === 1
