/** Durations are seconds everywhere; only timers and clocks of the platform want milliseconds. */
export const SECOND = 1
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

export const milliseconds = (seconds: number): number => seconds * 1000

/** Seconds on a clock that never jumps; only differences mean anything. */
export const monotonicNow = (): number => performance.now() / 1000
