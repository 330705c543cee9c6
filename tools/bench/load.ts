// Starts the load generator, prepares its requests, and says what came of them.
import { Worker } from 'node:worker_threads'
import { appKey, authorization } from './place.ts'
import { percentile } from './results.ts'

export type Load = {
  host: string
  port: number
  /** Whole requests, Latin-1. */
  requests: readonly string[]
  /** From the first again when they are used up; else each is sent once at most. */
  isRepeating: boolean
  connections: number
  /** At most this long. */
  seconds: number
  /** An open load, with requests due at this rate; without it a closed one. */
  perSecond?: number
  /** The lower-case name of a header that is kept of every answer. */
  collect?: string
}

export type LoadOutcome = {
  /** From the first request to the last answer. */
  seconds: number
  count: number
  latenciesMs: Float64Array
  /** How many answers of each status. */
  statuses: Record<string, number>
  /** The first answer of each status. */
  examples: Record<string, string>
  /** What was collected, and when its request was due: milliseconds since the epoch. */
  collected: { header: string; dueAt: number }[]
}

export type RunningLoad = { stop(): void; outcome: Promise<LoadOutcome> }

export function startLoad(load: Load): RunningLoad {
  const worker = new Worker(new URL('./load-worker.ts', import.meta.url), { workerData: load })
  const outcome = new Promise<LoadOutcome>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  return { stop: () => worker.postMessage('stop'), outcome }
}

export function runLoad(load: Load): Promise<LoadOutcome> {
  return startLoad(load).outcome
}

export function rate({ count, seconds }: LoadOutcome): number {
  return count / seconds
}

/** Throws when an answer had another status: then it was not what we measure that was measured. */
export function expectStatus({ statuses, examples }: LoadOutcome, status: string): void {
  const [other] = Object.keys(statuses).filter((one) => one !== status)
  if (other === undefined) return
  throw new Error(`Expected ${status} only, got ${JSON.stringify(statuses)}: ${examples[other]}`)
}

export function p50(outcome: LoadOutcome): number {
  return percentile(outcome.latenciesMs, 0.5)
}

export function p99(outcome: LoadOutcome): number {
  return percentile(outcome.latenciesMs, 0.99)
}

const host = 'Host: lethe'
const auth = `Authorization: ${authorization}`

export function healthRequest(): string {
  return `GET /healthz HTTP/1.1\r\n${host}\r\n\r\n`
}

export function deleteRequest(id: string): string {
  return `DELETE /v4/devices/${id} HTTP/1.1\r\n${host}\r\n${auth}\r\n\r\n`
}

export function readRequest(id: string): string {
  return `GET /v4/devices/${id} HTTP/1.1\r\n${host}\r\n${auth}\r\n\r\n`
}

export function registerRequest(body: object): string {
  const text = JSON.stringify(body)
  const head = `POST /client/v1/apps/${appKey}/registrations HTTP/1.1\r\n${host}\r\nContent-Type: application/json`
  return `${head}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
}
