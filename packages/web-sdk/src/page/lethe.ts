/**
 * The user of this browser, as a site sees it. At each visit the page looks who the user is (see `memory.ts`), tells the
 * server that it is there, and hears whether it was deleted: then the browser's subscription is given up, and nothing is
 * asked again until the visitor clears the site's cookies. Nobody is ever registered under an id that was there before.
 */

import { ClientApi, type Credentials } from '@lethe/client/client-api.ts'
import { Events } from '@lethe/client/events.ts'
import { hasReason, isPassing, LetheError } from '@lethe/client/lethe-error.ts'
import { randomKey } from '@lethe/client/runtime.ts'
import { TagsAndAlias } from '@lethe/client/tags-and-alias.ts'
import type { SubscriptionBody } from '@lethe/protocol/client.schemas.ts'
import type { SocketEvent } from '@lethe/protocol/socket.ts'
import type { WebMessage } from '@lethe/protocol/web-message.ts'
import { socketLockNameOf } from '../names.ts'
import type { Signal } from '../signals.ts'
import type { StoredUser } from '../store.ts'
import { BrowserPush, type Permission } from './browser-push.ts'
import { factsOf } from './facts.ts'
import { Memory, type Recalled } from './memory.ts'
import { Online } from './online.ts'
import type { InitOptions, LetheEvents, MessageDetail, State, UnavailableReason } from './options.ts'
import { Tabs } from './tabs.ts'

/** A page that comes to the front again greets the server when it has not done so for this long (ours). */
const GREET_AGAIN_MS = 5 * 60_000

const COOKIE_DAYS = 400

type User = Omit<StoredUser, 'cookieExpiresAt'>

/**
 * Starts Lethe in this page. Resolves once it is known who the user is; what keeps a browser from having one is told by
 * `state` and the event `unavailable`, never by an exception.
 *
 * @throws TypeError if an option is unusable
 */
export async function init(options: InitOptions): Promise<Lethe> {
  const lethe = new Lethe(options)
  await lethe.start()
  return lethe
}

export class Lethe {
  readonly #options: InitOptions
  readonly #api: ClientApi
  readonly #push: BrowserPush
  readonly #memory: Memory
  readonly #tabs: Tabs
  readonly #online: Online
  readonly #events = new Events<LetheEvents>()
  readonly #closing = new AbortController()
  #user: User | undefined
  #isDeleted = false
  #isSubscribed = false
  #greetedAt = 0

  /** Use `init`. */
  constructor(options: InitOptions) {
    const { appKey, baseUrl = location.origin, serviceWorker = '/lethe-worker.js' } = options
    this.#options = options
    for (const [name, listener] of Object.entries(options.on ?? {}))
      this.#events.on(name as keyof LetheEvents, listener as (detail: unknown) => void)
    this.#api = new ClientApi({ appKey, baseUrl })
    this.#push = new BrowserPush(serviceWorker)
    this.#memory = new Memory({ appKey, cookieDays: options.cookieDays ?? COOKIE_DAYS })
    this.#tabs = new Tabs(appKey, (signal) => this.#hear(signal))
    this.#online = new Online({
      url: this.#api.socketUrl,
      lockName: socketLockNameOf(appKey),
      onMessage: (message) => this.#received(message),
      onWithdraw: (msgId) => this.#withdrawn(msgId),
      onChange: (isOnline) => this.#events.emit('online', { isOnline }),
      // Whatever the reason is, the next greeting hears it from the server and does what is to be done.
      onEnd: (why) => void (why !== 'replaced' && this.#greet()),
    })
  }

  get state(): State {
    if (this.#isDeleted) return 'deleted'
    if (!this.#user) return 'unavailable'
    return this.#user.isOptedOut ? 'optedOut' : 'registered'
  }

  get permission(): Permission {
    return this.#push.permission
  }

  /** The empty string while there is no user. */
  getRegistrationId(): string {
    return this.#user?.registrationId ?? ''
  }

  /** Proves to a server of the site that a call is this user's. The empty string while there is no user. */
  deviceSecret(): string {
    return this.#user?.deviceSecret ?? ''
  }

  /** Answers how to stop listening. Listeners are called after the code that is running. */
  on<Name extends keyof LetheEvents>(name: Name, listener: (detail: LetheEvents[Name]) => void): () => void {
    return this.#events.on(name, listener)
  }

  /**
   * Asks the visitor whether notifications may be shown, and subscribes. To be called from a click.
   *
   * @throws LetheError `deleted`: a deleted user is not prompted
   */
  async requestPermission(): Promise<Permission> {
    this.#self()
    const permission = await this.#push.requestPermission()
    this.#events.emit('permission', { permission })
    await this.#greet()
    return permission
  }

  async addTags(tags: readonly string[]): Promise<void> {
    await this.#asUser((user) => user.addTags(tags))
  }

  async deleteTags(tags: readonly string[]): Promise<void> {
    await this.#asUser((user) => user.deleteTags(tags))
  }

  /** Replaces all tags. */
  async setTags(tags: readonly string[]): Promise<void> {
    await this.#asUser((user) => user.setTags(tags))
  }

  async cleanTags(): Promise<void> {
    await this.#asUser((user) => user.cleanTags())
  }

  getAllTags(): Promise<string[]> {
    return this.#asUser((user) => user.getAllTags())
  }

  /** If another user has it, in this or another browser, this one takes it over. */
  async setAlias(alias: string): Promise<void> {
    await this.#asUser((user) => user.setAlias(alias))
  }

  /** The empty string: there is none. */
  getAlias(): Promise<string> {
    return this.#asUser((user) => user.getAlias())
  }

  async deleteAlias(): Promise<void> {
    await this.#asUser((user) => user.deleteAlias())
  }

  /** No message reaches this browser any more. The user stays, with tags and alias. */
  async optOut(): Promise<void> {
    await this.#setOptedOut(true)
  }

  /** Messages may come again; if the permission was never asked for, `requestPermission()` does that. */
  async optIn(): Promise<void> {
    await this.#setOptedOut(false)
  }

  /**
   * Deletes the user for good: on the server, the browser's subscription, and everything that is kept here but the mark that
   * keeps this browser from registering anew by itself.
   *
   * @throws LetheError `network`, `server` or `busy`: nothing was deleted
   */
  async deleteUser(): Promise<void> {
    await this.#tabs.inTurn(async () => {
      const self = this.#self()
      await this.#api.deleteSelf(self)
      await this.#forget(self)
    })
  }

  /**
   * A deleted user wants to come back: registers a new one, who inherits nothing. To be called from a click of the visitor
   * only, who is told what it does.
   *
   * @throws LetheError `refused`: nobody was deleted here
   */
  async startOver(): Promise<void> {
    if (!this.#isDeleted) throw new LetheError('refused', 'nobody was deleted in this browser')
    await this.#attempt(async () => {
      await this.#memory.forget()
      this.#isDeleted = false
      await this.#register()
    })
    this.#tabs.tell({ type: 'changed' })
  }

  /** What became of a message that came over the own socket; lost where none is open. */
  report(msgId: string, event: SocketEvent): void {
    this.#online.report(msgId, event)
    this.#tabs.tell({ type: 'report', msgId, event })
  }

  /** Stops everything that runs in this page. */
  close(): void {
    this.#closing.abort()
    this.#online.stop()
    this.#tabs.close()
  }

  /** Part of `init`. */
  async start(): Promise<void> {
    const { signal } = this.#closing
    if (!isSecureContext) return this.#unavailable('insecure')
    await this.#greet()
    void this.#push.watchPermission(() => {
      this.#events.emit('permission', { permission: this.permission })
      void this.#greet()
    })
    addEventListener('languagechange', () => void this.#greet(), { signal })
    addEventListener('online', () => void this.#greet(), { signal })
    document.addEventListener('visibilitychange', () => void this.#seen(), { signal })
    if (this.#options.prompt === 'immediate' && this.state === 'registered' && this.permission === 'default')
      await this.requestPermission()
  }

  async #seen(): Promise<void> {
    const isDue = Date.now() - this.#greetedAt > GREET_AGAIN_MS
    if (isDue && document.visibilityState === 'visible') await this.#greet()
  }

  /** Looks who the user is, and tells the server. */
  #greet(): Promise<void> {
    this.#greetedAt = Date.now()
    return this.#attempt(async () => this.#meet(await this.#memory.recall()))
  }

  /** What goes wrong in it is told by an event. */
  async #attempt(run: () => Promise<void>): Promise<void> {
    if (this.#closing.signal.aborted) return
    try {
      await this.#tabs.inTurn(run)
    } catch (error) {
      if (isPassing(error)) this.#unavailable('network', error)
      else this.#unavailable(error instanceof LetheError ? 'refused' : 'storage', error)
    }
  }

  async #meet(recalled: Recalled): Promise<void> {
    switch (recalled.kind) {
      case 'user':
        return this.#sayHello(recalled)
      case 'id':
        return this.#askAbout(recalled.registrationId)
      case 'nobody':
        return this.#register()
      case 'deleted':
        // Once more each time: killed between the two, a browser may have kept its subscription.
        await this.#push.unsubscribe()
        return this.#becomeDeleted()
    }
  }

  /** Greets before it subscribes: a user who turns out to be deleted gets no new subscription, not for a moment. */
  async #sayHello({ registrationId, deviceSecret, isOptedOut }: User): Promise<void> {
    const user: User = { kind: 'user', registrationId, deviceSecret, isOptedOut }
    try {
      const present = await this.#subscriptionOf(user, () => this.#push.current())
      await this.#change(user, present)
      const wanted = await this.#subscriptionOf(user, () => this.#subscribe())
      if (wanted && wanted.endpoint !== present?.endpoint) await this.#change(user, wanted)
    } catch (error) {
      if (hasReason(error, 'deleted')) return this.#forget(user)
      if (hasReason(error, 'unknown') || hasReason(error, 'unauthorized')) return this.#register()
      if (!isPassing(error)) throw error
      this.#unavailable('network', error)
    }
    await this.#enter(user, false)
  }

  #change(user: User, subscription: SubscriptionBody | undefined): Promise<void> {
    return this.#api.changeSelf(user, { ...factsOf(this.permission), ...(subscription && { subscription }) })
  }

  /** The browser has lost all but the cookie. Whoever is there under its id cannot be proved to be this visitor. */
  async #askAbout(registrationId: string): Promise<void> {
    const answer = await this.#api.askAbout(registrationId)
    if (answer === 'deleted') return this.#forget({ registrationId })
    if (answer === 'there' || answer === 'unknown') return this.#register()
    throw new LetheError(answer, 'the server could not be asked who this is')
  }

  /** A new user, whose subscription is new as well: the address of an earlier one leads nowhere before there is another. */
  async #register(): Promise<void> {
    await this.#push.unsubscribe()
    const key = await this.#memory.registrationKey(randomKey)
    const subscription = await this.#subscriptionOf({ isOptedOut: false }, () => this.#subscribe())
    const facts = factsOf(this.permission)
    const body = { platform: 'web' as const, ...facts, ...(subscription && { subscription }) }
    try {
      const answer = await this.#api.register(body, key)
      const { registration_id: registrationId, device_secret: deviceSecret } = answer
      await this.#enter({ kind: 'user', registrationId, deviceSecret, isOptedOut: false }, true)
      this.#tabs.tell({ type: 'changed' })
    } catch (error) {
      if (!hasReason(error, 'deleted')) throw error
      // An earlier try had arrived, and who came of it was deleted meanwhile.
      await this.#forget({ registrationId: '' })
    }
  }

  /** Undefined where none is wanted, allowed or to be had. */
  async #subscriptionOf(
    { isOptedOut }: Pick<User, 'isOptedOut'>,
    find: () => Promise<PushSubscription | null>,
  ): Promise<SubscriptionBody | undefined> {
    this.#isSubscribed = false
    if (isOptedOut || this.#options.push === false || this.permission !== 'granted') return undefined
    const subscription = await find()
    this.#isSubscribed = subscription !== null
    return (subscription?.toJSON() as SubscriptionBody | undefined) ?? undefined
  }

  async #subscribe(): Promise<PushSubscription | null> {
    const { vapid_public_key: key } = await this.#api.readApp()
    if (key === null) return null
    try {
      return await this.#push.subscribe(key)
    } catch (error) {
      this.#unavailable('push', error)
      return null
    }
  }

  async #enter(user: User, isNew: boolean): Promise<void> {
    await this.#memory.keep(user)
    const { openUrl } = this.#options
    const scope = (await this.#push.scope()) ?? ''
    const { appKey, appUrl } = this.#api
    await this.#memory.keepConfig({ appKey, appUrl, scope, ...(openUrl !== undefined && { openUrl }) })
    this.#take(user, isNew)
  }

  #take(user: User, isNew = false): void {
    const isOther = this.#user?.registrationId !== user.registrationId
    this.#isDeleted = false
    this.#user = user
    if (isOther) this.#events.emit('registered', { registrationId: user.registrationId, isNew })
    // What the browser's push service brings need not come twice.
    if (user.isOptedOut || this.#isSubscribed) this.#online.stop()
    else this.#online.start(user)
  }

  /** A visitor who has cleared the cookies meanwhile is somebody else at the next visit, and needs no mark. */
  async #forget({ registrationId }: Pick<User, 'registrationId'>): Promise<void> {
    const recalled = await this.#memory.recall()
    if (recalled.kind === 'user' && registrationId && recalled.registrationId !== registrationId)
      return this.#take(recalled)
    await this.#push.unsubscribe()
    if (recalled.kind !== 'nobody' || !registrationId) await this.#memory.keepDeletedMark()
    this.#becomeDeleted()
    this.#tabs.tell({ type: 'changed' })
  }

  #becomeDeleted(): void {
    this.#online.stop()
    this.#user = undefined
    this.#isSubscribed = false
    if (this.#isDeleted) return
    this.#isDeleted = true
    this.#events.emit('deleted', {})
  }

  async #setOptedOut(isOptedOut: boolean): Promise<void> {
    await this.#tabs.inTurn(async () => {
      const user: User = { ...this.#self(), isOptedOut }
      if (isOptedOut) await this.#push.unsubscribe()
      await this.#sayHello(user)
    })
    this.#tabs.tell({ type: 'changed' })
  }

  /** Another page knows more: nobody else need be asked. */
  async #lookAgain(): Promise<void> {
    await this.#attempt(async () => {
      const recalled = await this.#memory.recall()
      if (recalled.kind === 'deleted') return this.#becomeDeleted()
      if (recalled.kind !== 'user') return
      this.#isSubscribed = this.permission === 'granted' && this.#options.push !== false
      this.#take(recalled)
    })
  }

  #self(): User {
    if (this.#isDeleted) throw new LetheError('deleted', 'the user of this browser was deleted')
    if (!this.#user) throw new LetheError('unavailable', 'this browser has no user')
    return this.#user
  }

  async #asUser<Answer>(call: (user: TagsAndAlias) => Promise<Answer>): Promise<Answer> {
    const self: Credentials = this.#self()
    try {
      return await call(new TagsAndAlias(this.#api, self))
    } catch (error) {
      if (hasReason(error, 'deleted')) await this.#tabs.inTurn(() => this.#forget(self))
      throw error
    }
  }

  #hear(signal: Signal): void {
    switch (signal.type) {
      case 'changed':
        void this.#lookAgain()
        break
      case 'message':
        this.#events.emit('message', this.#detailOf(signal.message, signal.via))
        break
      case 'withdraw':
        this.#events.emit('withdraw', { msgId: signal.msgId })
        break
      case 'click':
        this.#events.emit('click', { message: signal.message, action: signal.action })
        break
      case 'report':
        this.#online.report(signal.msgId, signal.event)
        break
    }
  }

  #received(message: WebMessage): void {
    this.#tabs.tell({ type: 'message', message, via: 'socket' })
    this.#events.emit('message', this.#detailOf(message, 'socket'))
  }

  #withdrawn(msgId: string): void {
    this.#tabs.tell({ type: 'withdraw', msgId })
    this.#events.emit('withdraw', { msgId })
    void this.#push.takeDown(msgId)
  }

  #detailOf(message: WebMessage, via: MessageDetail['via']): MessageDetail {
    const report = (event: SocketEvent) => {
      // The worker reports what it shows itself.
      if (via === 'socket') this.report(message.msg_id, event)
    }
    return { message, via, shown: () => report('shown'), clicked: () => report('clicked') }
  }

  #unavailable(reason: UnavailableReason, error?: unknown): void {
    this.#events.emit('unavailable', { reason, ...(error instanceof Error && { error }) })
  }
}
