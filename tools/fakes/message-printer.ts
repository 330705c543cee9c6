// Prints each message that the fakes have got, once, on a line of its own.
import type { Vendors } from '../story/vendors.ts'
import type { Devices } from './devices.ts'

/** Tokens that the printed lines do not register are named by their beginning. */
const tokenCharactersShown = 12

type Deps = {
  vendors: Pick<Vendors, 'fcm' | 'apns'>
  devices: Devices
  say: (line: string) => void
}

export class MessagePrinter {
  readonly #deps: Deps
  /** The last message of each device that was printed. A fake forgets the oldest ones, so that a count would not do. */
  readonly #last = new Map<string, object>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  printNew(): void {
    const { vendors, devices } = this.#deps
    this.#print('web', devices.browser.received, ({ text, ttlSeconds, urgency, topic }) => ({
      message: text === undefined ? 'cannot be decrypted' : parsed(text),
      ttlSeconds,
      urgency,
      topic,
    }))
    for (const token of vendors.fcm.tokens)
      this.#print(
        nameOf('android', token, devices.androidToken),
        vendors.fcm.received(token),
        ({ token: _, ...rest }) => rest,
      )
    for (const token of vendors.apns.tokens)
      this.#print(nameOf('ios', token, devices.iosToken), vendors.apns.received(token), (message) => message)
  }

  #print<Message extends object>(
    name: string,
    messages: readonly Message[],
    shown: (message: Message) => object,
  ): void {
    const last = this.#last.get(name)
    const printed = last === undefined ? 0 : (messages as readonly object[]).lastIndexOf(last) + 1
    for (const message of messages.slice(printed)) {
      this.#deps.say(`${name}: ${JSON.stringify(shown(message))}`)
      this.#last.set(name, message)
    }
  }
}

function nameOf(platform: string, token: string, known: string): string {
  return token === known ? platform : `${platform} ${token.slice(0, tokenCharactersShown)}…`
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
