/** What Prometheus reads: how long requests took, how many were refused for their rate, and how the process does. */

import { Counter, collectDefaultMetrics, Histogram, Registry } from '@prometheus-io/client'
import type { Access } from './route.ts'

/** Counts one answered request. */
export type Observe = (status: number, milliseconds: number) => void

export interface HttpMetrics {
  /** The registry, in which other rooms register theirs. */
  readonly registry: Registry
  /** `route` is a pattern of the routing table, never a path that somebody called. */
  observerOf(route: string, method: string): Observe
  countRateLimited(kind: Access | 'failure'): void
}

export function createHttpMetrics(): HttpMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const durations = new Histogram({
    name: 'lethe_http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  })
  const rateLimited = new Counter({
    name: 'lethe_http_rate_limited_total',
    help: 'Requests that were refused because a rate limit was passed',
    labelNames: ['limit'],
    registers: [registry],
  })
  return {
    registry,
    countRateLimited: (kind) => rateLimited.inc({ limit: kind }),
    observerOf: (route, method) => {
      // The children are kept: looking them up by their labels costs more than counting.
      const children: (ReturnType<typeof durations.labels> | undefined)[] = []
      return (status, milliseconds) => {
        const hundreds = Math.floor(status / 100)
        const child = children[hundreds] ?? durations.labels({ route, method, status: `${hundreds}xx` })
        children[hundreds] = child
        child.observe(milliseconds / 1000)
      }
    },
  }
}
