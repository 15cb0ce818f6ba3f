import { randomBytes } from 'node:crypto'
import {
  claimedBy,
  type KeyRing,
  keyRing,
  type MasterKey,
  mac,
  mint,
  read,
  sha256,
  type TokenKind
} from '../lib/capability.ts'
import { type CodeForm, codeOf, formBytes, formFromBytes, referenceOf } from '../lib/code.ts'
import { ID_BYTES, idFromBytes, idToBytes } from '../lib/identifier.ts'
import { Problem } from '../problems.ts'

/** 128 random bits that live in the client's token only; the session's row holds their digest. */
const SEED_BYTES = 16

const challengeKind: TokenKind = { prefix: 'chl_', purpose: 'challenge', payloadBytes: ID_BYTES + 2 }
const resetKind: TokenKind = { prefix: 'rst_', purpose: 'reset', payloadBytes: ID_BYTES }
const refreshKind: TokenKind = { prefix: 'rfr_', purpose: 'refresh', payloadBytes: ID_BYTES + 4 + SEED_BYTES }
const deviceKind: TokenKind = { prefix: 'dev_', purpose: 'device', payloadBytes: ID_BYTES + SEED_BYTES }

/** Those whose tokens are told apart where their key is missing; a device whose key is missing is a stranger, and nothing worse. */
const kinds = { challenge: challengeKind, reset: resetKind, refresh: refreshKind }

export type ChallengeRef = { keyId: string; id: string; form: CodeForm }
export type ResetRef = { keyId: string; id: string }
export type RefreshRef = { keyId: string; sessionId: string; generation: number; seed: Buffer }

/** Everything secret that the service hands out or recognises. All of it is derived; none of it is stored. */
export type Secrets = ReturnType<typeof secretsOf>

/** @param masters 32 bytes each, newest first */
export function secretsOf(masters: readonly Buffer[]) {
  const ring: KeyRing = keyRing(masters)

  const keyNamed = (id: string): MasterKey => {
    const key = ring.find(id)
    // Another instance can answer, and so can this one once it is configured: readiness names the key.
    if (key === undefined) throw new Problem('unavailable')
    return key
  }

  return {
    ring,
    knows: (keyId: string): boolean => ring.find(keyId) !== undefined,

    /** The id of the key that a token of a kind says it was made by, where that is none of ours. */
    foreignKeyOf(kind: keyof typeof kinds, token: string): string | undefined {
      const id = claimedBy(kinds[kind], token)?.keyId
      return id !== undefined && ring.find(id) === undefined ? id : undefined
    },

    /** The session that a refresh token names, genuine or not. */
    sessionNamedBy(token: string): string | undefined {
      const claimed = claimedBy(refreshKind, token)
      return claimed && idFromBytes(claimed.payload.subarray(0, ID_BYTES))
    },

    challengeToken: ({ keyId, id, form }: ChallengeRef): string =>
      mint(challengeKind, keyNamed(keyId), Buffer.concat([idToBytes(id), formBytes(form)])),

    readChallenge(token: string): ChallengeRef | undefined {
      const found = read(challengeKind, ring, token)
      if (found === undefined) return undefined
      const { key, payload } = found
      return {
        keyId: key.id,
        id: idFromBytes(payload.subarray(0, ID_BYTES)),
        form: formFromBytes(payload.subarray(ID_BYTES))
      }
    },

    code: ({ keyId, id, form }: ChallengeRef): string => codeOf(keyNamed(keyId), id, form),
    reference: ({ keyId, id }: Pick<ChallengeRef, 'keyId' | 'id'>): string => referenceOf(keyNamed(keyId), id),

    resetToken: ({ keyId, id }: ResetRef): string => mint(resetKind, keyNamed(keyId), idToBytes(id)),

    readReset(token: string): ResetRef | undefined {
      const found = read(resetKind, ring, token)
      return found && { keyId: found.key.id, id: idFromBytes(found.payload) }
    },

    refreshToken({ keyId, sessionId, generation, seed }: RefreshRef): string {
      const step = Buffer.alloc(4)
      step.writeUInt32BE(generation)
      return mint(refreshKind, keyNamed(keyId), Buffer.concat([idToBytes(sessionId), step, seed]))
    },

    readRefresh(token: string): RefreshRef | undefined {
      const found = read(refreshKind, ring, token)
      if (found === undefined) return undefined
      const { key, payload } = found
      return {
        keyId: key.id,
        sessionId: idFromBytes(payload.subarray(0, ID_BYTES)),
        generation: payload.readUInt32BE(ID_BYTES),
        seed: Buffer.from(payload.subarray(ID_BYTES + 4))
      }
    },

    /** Made by the newest key, as is every token that a device is given. */
    deviceToken: ({ id, seed }: { id: string; seed: Buffer }): string =>
      mint(deviceKind, ring.newest, Buffer.concat([idToBytes(id), seed])),

    /** The device that a request's token names; empty when there is no token, or none of ours. */
    knownDevice(token: string | undefined): { knownDeviceId: string | null; knownSeedHash: Buffer | null } {
      const payload = token === undefined ? undefined : read(deviceKind, ring, token)?.payload
      if (payload === undefined) return { knownDeviceId: null, knownSeedHash: null }
      return {
        knownDeviceId: idFromBytes(payload.subarray(0, ID_BYTES)),
        knownSeedHash: this.seedHash(payload.subarray(ID_BYTES))
      }
    },

    newSeed: (): Buffer => randomBytes(SEED_BYTES),

    /** A seed that a repeat derives again: from the client's own random key, of which only the digest is kept. */
    repeatableSeed: (of: 'session' | 'device', keyId: string, challengeId: string, idempotencyKey: string): Buffer =>
      mac(keyNamed(keyId), 'seed', of, idToBytes(challengeId), idempotencyKey).subarray(0, SEED_BYTES),

    seedHash: (seed: Buffer): Buffer => sha256(seed),

    /** Stands for an address where the address itself must not be stored. */
    addressMac: (emailKey: string): Buffer => mac(ring.newest, 'address', emailKey)
  }
}
