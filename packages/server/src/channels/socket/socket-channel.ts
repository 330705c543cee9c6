/** The own channel: a message to the socket that the user has open on this node, taken when the client acknowledges it. */

import type { Channel, Outcome, SendInput } from '../channel.ts'
import type { OutgoingMessage } from './connection.ts'
import { renderForSocket } from './payload.ts'
import type { SocketHub } from './socket-hub.ts'

export interface SocketChannelDeps {
  /** Shared by all apps: whoever made it stops it. */
  readonly hub: Pick<SocketHub, 'isConnected' | 'deliver'>
}

/** Ours: a send waits for its client, some of which never answer, and costs little meanwhile. */
const SENDS_MAX = 10_000

export function createSocketChannel(
  { hub }: SocketChannelDeps,
  { appKey }: { readonly appKey: string },
): Channel<OutgoingMessage> {
  return {
    name: 'socket',
    render: renderForSocket,
    // What the API accepts is far shorter than what a socket carries.
    refusalOf: () => undefined,
    send: (input) => send(hub, appKey, input),
    sendsMax: SENDS_MAX,
    // The sockets are not this channel's own.
    close: () => Promise.resolve(),
  }
}

async function send(
  hub: SocketChannelDeps['hub'],
  appKey: string,
  { rendered, address, gate }: SendInput<OutgoingMessage>,
): Promise<Outcome> {
  const user = { appKey, registrationId: address.registrationId }
  if (!hub.isConnected(user)) return retry('offline')
  if (!(await gate.confirm())) return { kind: 'dropped' }
  if (gate.signal.aborted) return retry('deadline')
  if (!gate.holds(false)) return { kind: 'dropped' }
  const end = await hub.deliver(user, rendered, gate.signal)
  switch (end) {
    case 'acked':
      return { kind: 'accepted' }
    case 'unacked':
      return retry(gate.signal.aborted ? 'deadline' : 'unacknowledged')
    case 'notConnected':
      return retry('offline')
  }
}

function retry(reason: string): Outcome {
  return { kind: 'retry', afterMs: null, reason }
}
