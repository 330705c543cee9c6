/** A clock that tells the time of day as it is and lets waiting pass faster, for tests of work that is done at intervals. */

import { type Clock, systemClock } from '../../src/kernel/clock.ts'

export function hurriedClock(times: number): Clock {
  const real = systemClock()
  return {
    now: real.now,
    monotonic: () => real.monotonic() * times,
    sleep: (ms, signal) => real.sleep(ms / times, signal),
  }
}
