/** What the metrics tell of erasures: how many, how fast, and how long the oldest has been waiting. */

import { Counter, Gauge, Histogram, type Registry } from '@prometheus-io/client'
import type { CounterBy } from '../kernel/metric.ts'

export interface ErasureMetrics {
  readonly accepted: CounterBy<'origin'>
  readonly removed: Counter
  readonly erased: Counter
  /** Second looks that found something, and removals that failed. */
  readonly failed: CounterBy<'step'>
  /** What became of deletion guards: refused, tripped, opened, closed, set. */
  readonly guardEvents: CounterBy<'event'>
  readonly oldestOpenSeconds: Gauge
  readonly removedSeconds: Histogram
  readonly erasedSeconds: Histogram
}

const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600]

export function erasureMetrics(registry: Registry): ErasureMetrics {
  const registers = [registry]
  return {
    accepted: new Counter({
      name: 'lethe_erasures_accepted_total',
      help: 'Deletions accepted by this node, by who asked.',
      labelNames: ['origin'],
      registers,
    }),
    removed: new Counter({
      name: 'lethe_erasures_removed_total',
      help: 'Users whose rows this node removed.',
      registers,
    }),
    erased: new Counter({
      name: 'lethe_erasures_erased_total',
      help: 'Erasures that this node finished.',
      registers,
    }),
    failed: new Counter({
      name: 'lethe_erasure_failures_total',
      help: 'Removals that failed and second looks that found something left. Each is tried again.',
      labelNames: ['step'],
      registers,
    }),
    guardEvents: new Counter({
      name: 'lethe_guard_events_total',
      help: 'Deletions that guards of apps refused, and how often guards tripped, were opened, closed and set.',
      labelNames: ['event'],
      registers,
    }),
    oldestOpenSeconds: new Gauge({
      name: 'lethe_erasure_oldest_open_seconds',
      help: 'Age of the oldest erasure that is not finished; 0 when none is open.',
      registers,
    }),
    removedSeconds: new Histogram({
      name: 'lethe_erasure_removed_seconds',
      help: 'Time from the accepted deletion until the rows were gone.',
      buckets: SECONDS,
      registers,
    }),
    erasedSeconds: new Histogram({
      name: 'lethe_erasure_erased_seconds',
      help: 'Time from the accepted deletion until the receipt was signed.',
      buckets: SECONDS,
      registers,
    }),
  }
}
