// @ts-check
import { isShared } from './storage.js'

/**
 * What the tabs of one browser tell each other.
 *
 * @typedef {{ kind: 'signed-in' | 'refreshed', session: string, accessToken: string } | { kind: 'signed-out' }} Message
 */

/** The tab that holds it refreshes. */
const LOCK = 'postern-refresh'
/** Milliseconds for which it is held longer than the refresh takes, so that the other tabs have heard when it is free. */
const HEARD = 1000

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
 * Runs `act` in one tab at a time, or not at all where another tab has told meanwhile what it would bring.
 *
 * @param {() => Promise<void>} act
 * @param {() => boolean} told whether it has
 */
export async function inTurn(act, told) {
  if (told()) return
  if (!isShared() || !navigator.locks) return await act() // where storage is blocked, locks are refused too
  const over = new AbortController()
  const { signal } = over
  channel?.addEventListener('message', () => told() && over.abort(), { signal })
  await new Promise((resolve, reject) => {
    signal.addEventListener('abort', resolve)
    const turn = navigator.locks.request(LOCK, { signal }, async () => {
      await act()
      over.abort()
      await new Promise((free) => setTimeout(free, HEARD))
    })
    turn.catch((error) => {
      reject(error) // a failed act; the promise of a tab that was told has already resolved
      over.abort()
    })
  })
}
