import type { Client, Context } from '../context.ts'
import { newId } from '../lib/identifier.ts'
import { Problem } from '../problems.ts'
import type { LiveSession } from '../session/store.ts'
import type { Device } from './schema.ts'
import { deleteDevice, findDevices } from './store.ts'

/** The caller's trusted devices, most recently used first. */
export async function listDevices(ctx: Context, session: LiveSession): Promise<{ devices: Device[] }> {
  const { userId, sessionId } = session
  const devices = await findDevices(ctx.db, { userId, sessionId })
  return {
    devices: devices.map((device) => ({
      id: device.id,
      created_at: device.createdAt.toISOString(),
      last_used_at: device.lastUsedAt.toISOString(),
      expires_at: device.expiresAt.toISOString(),
      network: device.network,
      agent: device.agent,
      current: device.current
    }))
  }
}

/** Ends the trust in one of the caller's devices; its sessions go on. Somebody else's and an unknown one are both `not-found`. */
export async function forgetDevice(ctx: Context, session: LiveSession, id: string, client: Client): Promise<void> {
  const { userId, sessionId } = session
  const [result] = await deleteDevice(ctx.db, { userId, sessionId, id, eventId: newId(), ...client })
  if (!result?.held) throw new Problem('session-rejected') // it ended while the body was on its way
  if (!result.gone) throw new Problem('not-found')
}
