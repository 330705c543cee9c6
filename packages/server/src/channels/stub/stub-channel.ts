/**
 * A channel that reaches nobody: for trying things out before there are credentials, and for tests. It accepts everything,
 * except where the token asks for another outcome: one that begins with `stub-gone-`, `stub-retry-` or `stub-rejected-`,
 * or on the web an endpoint whose last segment begins so. A token of iOS is hex and cannot ask.
 */

import type { Clock } from '../../kernel/clock.ts'
import type { Token } from '../../kernel/personal.ts'
import type { Channel, Outcome, RenderInput, SendInput } from '../channel.ts'

/** The push as it would be rendered. */
export type RenderedStub = RenderInput

export interface StubChannelDeps {
  readonly clock: Pick<Clock, 'now'>
  /**
   * How many of the last sends are kept for inspection. None when absent: a send names a user, and nothing that a server
   * keeps of a user may outlive it.
   */
  readonly sendsKeptMax?: number
}

export interface StubSend {
  readonly rendered: RenderedStub
  readonly token: Token
  readonly ttlSeconds: number
  readonly outcome: Outcome
  /** Milliseconds since the epoch. */
  readonly sentAt: number
}

export interface StubChannel extends Channel<RenderedStub> {
  /** Set by tests: what becomes of sends to these tokens, before the token itself is asked. */
  readonly outcomes: Map<string, Outcome>
  /** Those that the gate let through, oldest first. */
  readonly sends: readonly StubSend[]
}

/** Ours: as many as the sends of a real channel, so that a trial shows how the server behaves with one. */
const SENDS_MAX = 400

export function createStubChannel({ clock, sendsKeptMax = 0 }: StubChannelDeps): StubChannel {
  const outcomes = new Map<string, Outcome>()
  const sends: StubSend[] = []
  const send = async ({ rendered, address, ttlSeconds, gate }: SendInput<RenderedStub>): Promise<Outcome> => {
    const { token } = address
    if (!(await gate.confirm())) return { kind: 'dropped' }
    if (gate.signal.aborted) return { kind: 'retry', afterMs: null, reason: 'deadline' }
    const outcome = outcomes.get(token) ?? outcomeAskedBy(token)
    sends.push({ rendered, token, ttlSeconds, outcome, sentAt: clock.now() })
    if (sends.length > sendsKeptMax) sends.shift()
    return outcome
  }
  return {
    name: 'stub',
    render: (input) => input,
    refusalOf: () => undefined,
    send,
    sendsMax: SENDS_MAX,
    close: () => Promise.resolve(),
    outcomes,
    sends,
  }
}

function outcomeAskedBy(token: Token): Outcome {
  switch (/(?:^|\/)stub-(gone|retry|rejected)-[^/]*$/.exec(token)?.[1]) {
    case 'gone':
      return { kind: 'gone', sinceMs: null, reason: 'stub' }
    case 'retry':
      return { kind: 'retry', afterMs: null, reason: 'stub' }
    case 'rejected':
      return { kind: 'rejected', reason: 'stub' }
    default:
      return { kind: 'accepted' }
  }
}
