// @ts-check
import { isShared } from './storage.js'

/**
 * What the tabs of one browser tell each other.
 *
 * @typedef {{ kind: 'signed-in' | 'refreshed', accessToken: string } | { kind: 'signed-out' }} Message
 */

/** Whoever holds it refreshes. */
const LOCK = 'postern-refresh'
/** Milliseconds after which a tab that says nothing has got nothing, and the next one asks itself. */
const PATIENCE = 250

export const channel = openChannel()

function openChannel() {
  if (!isShared()) return undefined // each tab has a session of its own then, and must not be given another's
  try {
    return new BroadcastChannel('postern')
  } catch {
    return undefined // a browser without it; its tabs find out at their next request
  }
}

/** @param {Message} message */
export const tellOtherTabs = (message) => channel?.postMessage(message)

/**
 * Runs `act` in one tab at a time. Whoever had to wait is given the time to hear what the tab before has got: the lock may be here
 * sooner than its message.
 *
 * @param {() => Promise<void>} act
 * @param {() => boolean} told whether there is nothing left to hear
 */
export async function inTurn(act, told) {
  if (!isShared() || !navigator.locks) return await act() // where storage is blocked, locks are refused too
  const first = await navigator.locks.request(LOCK, { ifAvailable: true }, async (lock) => {
    if (lock !== null) await act()
    return lock !== null
  })
  if (first) return
  await navigator.locks.request(LOCK, async () => {
    if (!told()) await nextMessage()
    await act()
  })
}

async function nextMessage() {
  const signal = AbortSignal.timeout(PATIENCE)
  await new Promise((resolve) => {
    signal.addEventListener('abort', resolve)
    channel?.addEventListener('message', resolve, { signal })
  })
}
