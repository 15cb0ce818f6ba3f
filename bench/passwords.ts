import { type Burst, burst } from './burst.ts'
import { type Busy, besideLogins } from './busy.ts'
import type { Pace } from './compare.ts'
import { runSlice } from './load.ts'
import { hashBy, schemes } from './members.ts'
import type { OurSide } from './our-side.ts'
import { type PasswordSide, passwordSide } from './password-side.ts'
import { type Share, shareOfRaw } from './shares.ts'
import type { World } from './world.ts'

export type PasswordResults = { shares: Share[]; busy?: Busy; burst?: Burst }
export const passwordRows = ['password', 'reset', 'busy', 'burst'] as const

const BURST = 1000
const PATIENCE = 60
/** Seconds of logins before the burst: its memory is then not that of threads that start. */
const WARM_UP = 2

/** The rows that hash: their yardstick is the hash, or the same service while nobody logs in. */
export async function measurePasswords(
  world: World,
  ours: OurSide,
  { only, pace }: { only: ReadonlySet<string>; pace: Pace }
): Promise<PasswordResults> {
  const found: PasswordResults = { shares: [] }
  if (!passwordRows.some((row) => only.has(row))) return found
  const members = await passwordSide(world, world.service, 'bcrypt')
  const { password, reset } = members
  if (only.has('password'))
    for (const scheme of schemes)
      await withMembers(world, members, scheme, async ({ server, password: step }) => {
        const share = await shareOfRaw(server, { what: 'password', scheme, step }, pace)
        const bare = await world.startBareLogin(hashBy(scheme))
        try {
          found.shares.push({ ...share, bare: await shareOfRaw(bare, { what: 'password', scheme, step }, pace) })
        } finally {
          await bare.stop()
        }
      })
  if (only.has('reset'))
    found.shares.push(await shareOfRaw(world.service, { what: 'reset', scheme: 'bcrypt', step: reset }, pace))
  if (only.has('busy')) {
    const { session } = ours.steps
    const steps = ours.firstSteps.session ?? 0
    await runSlice(world.service.url, 16, session, { seconds: PATIENCE, steps })
    found.busy = await besideLogins(world.service, { session, password }, pace)
  }
  if (only.has('burst')) {
    const fresh = await world.startService()
    try {
      await runSlice(fresh.url, 16, password, { seconds: WARM_UP })
      found.burst = await burst(fresh, members.emails.slice(0, BURST))
    } finally {
      await fresh.stop()
    }
  }
  return found
}

/** The service hashes by bcrypt as it comes; for the other scheme an instance is started. */
async function withMembers(
  world: World,
  members: PasswordSide,
  scheme: PasswordSide['scheme'],
  work: (members: PasswordSide) => Promise<void>
): Promise<void> {
  if (scheme === members.scheme) return await work(members)
  const server = await world.startService({ PASSWORD_HASH: scheme })
  try {
    await work(await passwordSide(world, server, scheme))
  } finally {
    await server.stop()
  }
}
