/** A channel that remembers what it was given and answers as it is told; what a test of sending needs in place of a vendor. */

import type { Channel, Outcome, RenderInput, SendInput } from '../../src/channels/channel.ts'
import type { MakeChannel } from '../../src/push/app-channels.ts'

export interface Sent {
  readonly appKey: string
  readonly token: string
  readonly registrationId: string
  readonly message: RenderInput
  readonly ttlSeconds: number
}

export class RecordingChannels {
  readonly sent: Sent[] = []
  /** What becomes of a send to this token, after the gate; absent: accepted. */
  readonly outcomes = new Map<string, () => Promise<Outcome> | Outcome>()
  /** Runs before the gate is asked, for this token: what happens while a send waits. */
  readonly before = new Map<string, () => Promise<void>>()
  sendsMax = 100

  readonly make: MakeChannel = (app): Channel<RenderInput> => ({
    name: 'stub',
    sendsMax: this.sendsMax,
    render: (input) => input,
    refusalOf: () => undefined,
    send: (input) => this.#send(app.appKey, input),
    close: async () => {},
  })

  /** Tokens that got the message, sorted. */
  receivers(msgId: number | string): string[] {
    return this.sent
      .filter(({ message }) => message.msgId === Number(msgId))
      .map(({ token }) => token)
      .sort()
  }

  async #send(
    appKey: string,
    { rendered, address, ttlSeconds, gate }: SendInput<RenderInput>,
  ): Promise<Outcome> {
    const { token, registrationId } = address
    await this.before.get(token)?.()
    if (!(await gate.confirm())) return { kind: 'dropped' }
    this.sent.push({ appKey, token, registrationId, message: rendered, ttlSeconds })
    return (await this.outcomes.get(token)?.()) ?? { kind: 'accepted' }
  }
}
