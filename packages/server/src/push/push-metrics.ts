/** What the metrics tell of sending: what was accepted, what became of sends, and how much is under way. */

import { Counter, Gauge, type Registry } from '@prometheus-io/client'
import type { CounterBy } from '../kernel/metric.ts'

export interface PushMetrics {
  readonly accepted: CounterBy<'kind'>
  /** By channel, as statistics name it, and by what became of it. */
  readonly sends: CounterBy<'channel' | 'outcome'>
}

export function pushMetrics(registry: Registry, inFlight: () => number): PushMetrics {
  const registers = [registry]
  new Gauge({
    name: 'lethe_sends_in_flight',
    help: 'Users to whom something is under way on this node.',
    registers,
    collect() {
      this.set(inFlight())
    },
  })
  return {
    accepted: new Counter({
      name: 'lethe_pushes_accepted_total',
      help: 'Pushes accepted by this node, by kind.',
      labelNames: ['kind'],
      registers,
    }),
    sends: new Counter({
      name: 'lethe_sends_total',
      help: 'Messages to single users that this node is done with for now, by channel and by what became of them.',
      labelNames: ['channel', 'outcome'],
      registers,
    }),
  }
}
