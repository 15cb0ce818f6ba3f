// @ts-check

/**
 * Tells every second how many are left, the first time at once, until none is or the screen is left. Counts by the clock: timers of
 * hidden tabs and sleeping machines are late.
 *
 * @param {number} seconds
 * @param {AbortSignal} signal
 * @param {(left: number) => void} tick
 */
export function countDown(seconds, signal, tick) {
  const end = Date.now() + 1000 * seconds
  const look = () => {
    const left = Math.max(0, Math.ceil((end - Date.now()) / 1000))
    tick(left)
    if (left === 0) clearInterval(timer)
  }
  const timer = setInterval(look, 1000)
  signal.addEventListener('abort', () => clearInterval(timer))
  look()
}

/** @param {number} seconds */
export const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
