import type { Context } from '../context.ts'
import { derivedId, newId } from '../lib/identifier.ts'

/** The random parts of a session or a device. */
export type DraftPart = { id: string; seed: Buffer }

/** What the session and the device of a sign-in are made of, should it open them. */
export type Draft = { session: DraftPart; device: DraftPart }

/** What a request spends: a challenge or a reset. */
type Spent = { keyId: string; id: string }

/**
 * With an Idempotency-Key both parts come from it and from what is spent, so that a repeat arrives at the same row. No other row ever
 * has their ids: a challenge or a reset is spent once, and its id does not come again while there is a row that it made.
 */
export function draftPart({ secrets }: Context, of: keyof Draft, spent?: Spent, key?: string): DraftPart {
  if (spent === undefined || key === undefined) return { id: newId(), seed: secrets.newSeed() }
  return { id: derivedId(of, key, spent.id), seed: secrets.repeatableSeed(of, spent.keyId, spent.id, key) }
}

/** Drafts a sign-in; with `spent` and `key` one that a repeat drafts again. */
export const draftSignIn = (ctx: Context, spent?: Spent, key?: string): Draft => ({
  session: draftPart(ctx, 'session', spent, key),
  device: draftPart(ctx, 'device', spent, key)
})

/** A device as the statement that makes it takes it. */
export const deviceValues = ({ secrets }: Context, device: DraftPart) => ({
  deviceId: device.id,
  deviceSeedHash: secrets.seedHash(device.seed)
})

/** A draft as a sign-in's statement takes it. */
export const draftValues = (ctx: Context, { session, device }: Draft) => ({
  sessionId: session.id,
  seedHash: ctx.secrets.seedHash(session.seed),
  ...deviceValues(ctx, device)
})
