import type { Test } from 'tap'

/** Lets the clock that only measures spans jump ahead, for as long as the test lasts. Until the next jump it stands still. */
export function jumpAhead(t: Test, seconds: number): void {
  const real = performance.now
  const jumped = real.call(performance) + seconds * 1000
  performance.now = () => jumped
  t.teardown(() => Object.assign(performance, { now: real }))
}
