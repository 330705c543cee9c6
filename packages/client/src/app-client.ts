/**
 * A user of an app on a phone, in a desktop program or in Node: registers when the app starts, keeps tags and alias that
 * were changed offline until they can be sent, and forgets everything when the server says that the user was deleted.
 *
 *   stopped -> start() -> registered -> deleted -> start() -> registered …
 *
 * Opening the app again is what makes a deleted user a new one: `start()` that hears of the deletion forgets what is stored
 * and registers afresh, with nothing of the old user. A call that hears of it later forgets too, and leaves the rest to the
 * next start.
 */

import type { ClientDeviceBody, RegistrationBody } from '@lethe/protocol/client.schemas.ts'
import type { SocketEvent } from '@lethe/protocol/socket.ts'
import type { SocketMessage } from '@lethe/protocol/socket-message.ts'
import type { MessageEvent } from '@lethe/protocol/statistics.schemas.ts'
import { ClientApi, type ClientApiOptions, type Credentials } from './client-api.ts'
import { Events } from './events.ts'
import { hasReason, isPassing, LetheError } from './lethe-error.ts'
import { OwnSocket } from './own-socket.ts'
import { type OpenSocket, randomKey } from './runtime.ts'

/** Where the app keeps a few hundred bytes: AsyncStorage, Capacitor's Preferences, a file. Better one that is encrypted. */
export interface ClientStorage {
  get(key: string): Promise<string | null>
  set(key: string, value: string): Promise<void>
  remove(key: string): Promise<void>
}

export type DeviceFacts = Pick<
  ClientDeviceBody,
  'os' | 'model' | 'app_version' | 'language' | 'timezone' | 'notification_permission'
>

export interface AppClientOptions extends ClientApiOptions {
  readonly platform: 'android' | 'ios' | 'hmos' | 'web'
  readonly storage: ClientStorage
  /** The vendor's push token of this installation; null while there is none. Asked at every start. */
  readonly token: () => Promise<string | null>
  /** iOS: whether the token belongs to Apple's production service. */
  readonly apnsProduction?: boolean
  /** What is told about the device, at every start. */
  readonly facts?: () => DeviceFacts
  /** Absent: the runtime's WebSocket. */
  readonly openSocket?: OpenSocket
}

export type AppClientEvents = {
  /** The user is known to the server, after every start. `isNew`: registered just now. */
  readonly registered: { readonly registrationId: string; readonly isNew: boolean }
  /** The user was deleted, by somebody else or by `deleteUser()`; everything stored is gone. */
  readonly deleted: Record<never, never>
  /** Over the own socket. */
  readonly message: { readonly message: SocketMessage }
  readonly withdraw: { readonly msgId: string }
  /** A change that had been kept was refused by the server, and is given up. */
  readonly refused: { readonly error: LetheError }
}

/** `kept`: it could not be sent now, is stored, and goes out with the next call or start. */
export type ChangeOutcome = 'sent' | 'kept'

/** Changes that wait for the network, at most (ours). */
const WAITING_MAX = 100

type Stored = {
  /** Of the registration that may be under way. */
  readonly key?: string
  readonly self?: Credentials
  readonly waiting: readonly ClientDeviceBody[]
}

const NOTHING: Stored = { waiting: [] }

export class AppClient {
  readonly #options: AppClientOptions
  readonly #api: ClientApi
  readonly #events = new Events<AppClientEvents>()
  #record: Stored = NOTHING
  #socket: OwnSocket | undefined
  #turn: Promise<unknown> = Promise.resolve()

  /** @throws TypeError if the app key or the base URL is unusable. */
  constructor(options: AppClientOptions) {
    this.#options = options
    this.#api = new ClientApi(options)
  }

  /** Answers how to stop listening. */
  on<Name extends keyof AppClientEvents>(
    name: Name,
    listener: (detail: AppClientEvents[Name]) => void,
  ): () => void {
    return this.#events.on(name, listener)
  }

  /** The empty string while there is no user. */
  get registrationId(): string {
    return this.#record.self?.registrationId ?? ''
  }

  /**
   * To be called whenever the app is opened. Resolves with the registration id; without a network with the one that is
   * stored, if there is one.
   *
   * @throws LetheError `network`, `server` or `busy` where nothing is stored and the server cannot be asked; `refused`
   */
  start(): Promise<string> {
    return this.#inTurn(async () => {
      this.#record = await this.#load()
      if (this.#record.self && (await this.#sayHello(this.#record.self))) {
        await this.#sendWaiting()
        return this.#registered(false)
      }
      await this.#register()
      return this.#registered(true)
    })
  }

  /** The vendor has given another token. */
  setToken(token: string): Promise<void> {
    return this.#inTurn(() => this.#asUser((self) => this.#api.changeSelf(self, this.#channel(token))))
  }

  /** Language, time zone and whatever else has changed. */
  setFacts(facts: DeviceFacts): Promise<void> {
    return this.#inTurn(() => this.#asUser((self) => this.#api.changeSelf(self, facts)))
  }

  addTags(tags: readonly string[]): Promise<ChangeOutcome> {
    return this.#change({ tags: { add: [...tags] } })
  }

  deleteTags(tags: readonly string[]): Promise<ChangeOutcome> {
    return this.#change({ tags: { remove: [...tags] } })
  }

  /** Replaces all tags. */
  setTags(tags: readonly string[]): Promise<ChangeOutcome> {
    return this.#change({ tags: '' }, ...(tags.length > 0 ? [{ tags: { add: [...tags] } }] : []))
  }

  cleanTags(): Promise<ChangeOutcome> {
    return this.#change({ tags: '' })
  }

  /** As the server has them. */
  getAllTags(): Promise<string[]> {
    return this.#inTurn(() => this.#asUser(async (self) => (await this.#api.readSelf(self)).tags))
  }

  /** If another user has it, this one takes it over. */
  setAlias(alias: string): Promise<ChangeOutcome> {
    return this.#change({ alias })
  }

  /** As the server has it; the empty string if there is none. */
  getAlias(): Promise<string> {
    return this.#inTurn(() => this.#asUser(async (self) => (await this.#api.readSelf(self)).alias))
  }

  deleteAlias(): Promise<ChangeOutcome> {
    return this.#change({ alias: '' })
  }

  /** What became of a message that came by the vendor's channel. */
  report(msgId: string, event: MessageEvent): Promise<void> {
    const events = [{ msg_id: msgId, event }]
    return this.#inTurn(() => this.#asUser((self) => this.#api.reportEvents(self, { events })))
  }

  /** Opens the own socket, for as long as the app is in the foreground; messages come as events. */
  connect(): void {
    const { self } = this.#record
    if (!self) throw new LetheError('unavailable', 'nobody is registered: call start() first')
    this.#socket?.close()
    this.#socket = new OwnSocket({
      url: this.#api.socketUrl,
      self,
      onMessage: (message) => this.#events.emit('message', { message }),
      onWithdraw: (msgId) => this.#events.emit('withdraw', { msgId }),
      onEnd: (why) => {
        if (why === 'deleted') void this.#inTurn(() => this.#forget())
      },
      ...(this.#options.openSocket && { open: this.#options.openSocket }),
    })
  }

  /** What became of a message that came over the own socket. */
  reportOverSocket(msgId: string, event: SocketEvent): void {
    this.#socket?.report(msgId, event)
  }

  disconnect(): void {
    this.#socket?.close()
    this.#socket = undefined
  }

  /** Deletes the user for good, on the server and here. The next start registers a new one. */
  deleteUser(): Promise<void> {
    return this.#inTurn(async () => {
      const { self } = this.#record
      if (self) await this.#api.deleteSelf(self)
      await this.#forget()
    })
  }

  get #storageKey(): string {
    return `lethe.${this.#api.appKey}`
  }

  async #load(): Promise<Stored> {
    try {
      return (JSON.parse((await this.#options.storage.get(this.#storageKey)) ?? 'null') as Stored) ?? NOTHING
    } catch {
      // What cannot be read is worth nothing: a new user is registered.
      return NOTHING
    }
  }

  async #save(record: Stored): Promise<void> {
    await this.#options.storage.set(this.#storageKey, JSON.stringify(record))
    this.#record = record
  }

  /** False: nobody has the stored id any more. Without an answer the stored user stays. */
  async #sayHello(self: Credentials): Promise<boolean> {
    try {
      await this.#api.changeSelf(self, await this.#describe())
      return true
    } catch (error) {
      if (isPassing(error)) return true
      if (hasReason(error, 'deleted')) await this.#forget()
      else if (!hasReason(error, 'unknown') && !hasReason(error, 'unauthorized')) throw error
      return false
    }
  }

  async #describe(): Promise<ClientDeviceBody> {
    const token = await this.#options.token()
    return { ...this.#options.facts?.(), ...(token ? this.#channel(token) : {}) }
  }

  #channel(token: string): ClientDeviceBody {
    const { platform, apnsProduction } = this.#options
    return { token, ...(platform === 'ios' && { apns_production: apnsProduction ?? true }) }
  }

  /** The key is stored before it is used: killed in between, the next start gets the same user. Nothing else is carried over. */
  async #register(isRepeated = false): Promise<void> {
    const key = this.#record.self ? randomKey() : (this.#record.key ?? randomKey())
    await this.#save({ key, waiting: [] })
    const body: RegistrationBody = { platform: this.#options.platform, ...(await this.#describeNew()) }
    try {
      const answer = await this.#api.register(body, key)
      const self = { registrationId: answer.registration_id, deviceSecret: answer.device_secret }
      await this.#save({ self, waiting: [] })
    } catch (error) {
      if (!hasReason(error, 'deleted') || isRepeated) throw error
      // An earlier try had arrived, and who came of it was deleted meanwhile: the app was opened again since.
      await this.#forget()
      await this.#register(true)
    }
  }

  async #describeNew(): Promise<Omit<RegistrationBody, 'platform'>> {
    const { tags: _tags, alias: _alias, ...rest } = await this.#describe()
    return rest
  }

  #registered(isNew: boolean): string {
    this.#events.emit('registered', { registrationId: this.registrationId, isNew })
    return this.registrationId
  }

  #change(...changes: ClientDeviceBody[]): Promise<ChangeOutcome> {
    return this.#inTurn(async () => {
      const { self, waiting } = this.#record
      if (!self) throw new LetheError('unavailable', 'nobody is registered: call start() first')
      if (waiting.length + changes.length > WAITING_MAX)
        throw new LetheError('refused', `${WAITING_MAX} changes wait for the network: no more are kept`)
      await this.#save({ self, waiting: [...waiting, ...changes] })
      return this.#sendWaiting(changes)
    })
  }

  /** In the order in which they were made. A refusal is thrown if it meets one of `own`. */
  async #sendWaiting(own: readonly ClientDeviceBody[] = []): Promise<ChangeOutcome> {
    for (let { self, waiting } = this.#record; self; { self, waiting } = this.#record) {
      const [next, ...others] = waiting
      if (!next) break
      try {
        await this.#asUser((user) => this.#api.changeSelf(user, next))
        await this.#save({ self, waiting: others })
      } catch (error) {
        if (isPassing(error)) return 'kept'
        if (!hasReason(error, 'refused')) throw error
        const isOwn = own.includes(next)
        // Of a change in several steps the later ones go with the one that was refused.
        await this.#save({ self, waiting: isOwn ? [] : others })
        if (isOwn) throw error
        this.#events.emit('refused', { error: error as LetheError })
      }
    }
    return 'sent'
  }

  async #asUser<Answer>(call: (self: Credentials) => Promise<Answer>): Promise<Answer> {
    const { self } = this.#record
    if (!self) throw new LetheError('unavailable', 'nobody is registered: call start() first')
    try {
      return await call(self)
    } catch (error) {
      if (hasReason(error, 'deleted')) await this.#forget()
      throw error
    }
  }

  async #forget(): Promise<void> {
    this.disconnect()
    this.#record = NOTHING
    await this.#options.storage.remove(this.#storageKey)
    this.#events.emit('deleted', {})
  }

  /** One call after the other: none sees a user of whom another is just forgetting. */
  #inTurn<Answer>(run: () => Promise<Answer>): Promise<Answer> {
    const answer = this.#turn.then(run, run)
    this.#turn = answer.catch(() => {})
    return answer
  }
}
