import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FakeSocket } from '../../src/channels/socket/fake-socket.ts'
import {
  createSocketHub,
  type SocketHub,
  type SocketUser,
  type Standing,
} from '../../src/channels/socket/socket-hub.ts'
import { type Log, silentLog } from '../../src/kernel/log.ts'
import type { RegistrationId } from '../../src/kernel/personal.ts'
import { StorageUnavailable } from '../../src/storage/errors.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'

const NAMES = ['alice', 'bob'] as const
type Name = (typeof NAMES)[number]

/** How the registry behaves the next time that it is asked. */
interface Registry {
  seconds: number
  standing: Standing
  isLive: boolean
  isFailing: boolean
}

const registry = fc.record<Registry>({
  seconds: fc.nat(12),
  standing: fc.constantFrom<Standing[]>('live', 'live', 'live', 'deleted', 'wrongSecret'),
  isLive: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
  isFailing: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
})

const name = fc.constantFrom(...NAMES)
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('connect' as const), name, registry }) },
  fc.record({ kind: fc.constant('leave' as const), at: fc.nat(5) }),
  fc.record({ kind: fc.constant('ack' as const), at: fc.nat(5), msgId: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ kind: fc.constant('deliver' as const), name, msgId: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ kind: fc.constant('withdraw' as const), msgId: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ kind: fc.constant('fill' as const), at: fc.nat(5), bytes: fc.constantFrom(0, 1, 300_000) }),
  fc.record({ kind: fc.constant('delete' as const), name }),
  fc.record({ kind: fc.constant('closeAll' as const) }),
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass' as const), seconds: fc.nat(30) }) },
)
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

class World {
  readonly clock = new FakeClock()
  readonly hub: SocketHub
  readonly sockets: { readonly socket: FakeSocket; readonly name: Name }[] = []
  readonly unsettled = new Set<number>()
  /** Errors that the hub has caught, and that are not the storage's. */
  readonly faults: string[] = []
  registry: Registry = { seconds: 0, standing: 'live', isLive: true, isFailing: false }
  /** What was told of each user that was not taken back. */
  readonly #present = new Set<string>()
  readonly #busy = new Set<string>()
  #deliveries = 0

  constructor() {
    this.hub = createSocketHub({
      clock: this.clock,
      log: this.#log(),
      authenticate: (user) => this.#ask(user, ({ standing }) => standing),
      onConnected: (user) =>
        this.#ask(
          user,
          ({ isLive }) => isLive,
          () => this.#present.add(user.registrationId),
        ),
      onDisconnected: (user) =>
        this.#ask(
          user,
          () => {},
          () => assert.ok(this.#present.delete(user.registrationId), 'who goes was there'),
        ),
      onEvent: () => {},
    })
  }

  get present(): string[] {
    return [...this.#present].sort()
  }

  get isAsking(): boolean {
    return this.#busy.size > 0
  }

  do(one: Step): void {
    if (one.kind === 'connect') this.#connect(one.name, one.registry)
    else if (one.kind === 'deliver') this.#deliver(one.name, one.msgId)
    else if (one.kind === 'withdraw') this.hub.withdraw('app', one.msgId)
    else if (one.kind === 'delete') this.hub.closeDeleted(userOf(one.name))
    else if (one.kind === 'closeAll') this.hub.closeAll()
    else if (one.kind !== 'pass') this.#doAt(one)
  }

  /** Sockets of one user that are welcomed and not closed. */
  openOf(which: Name): FakeSocket[] {
    return this.sockets
      .filter(({ name: one, socket }) => one === which && socket.end === undefined && socket.sent.length > 0)
      .map(({ socket }) => socket)
  }

  #connect(which: Name, registry: Registry): void {
    this.registry = registry
    const socket = new FakeSocket()
    socket.listener = this.hub.accept(socket, 'app')
    socket.say({ type: 'hello', registration_id: which, device_secret: 's' })
    this.sockets.push({ socket, name: which })
  }

  #deliver(which: Name, msgId: number): void {
    const delivery = this.#deliveries++
    this.unsettled.add(delivery)
    const message = { msgId, frame: JSON.stringify({ type: 'message', message: { msg_id: String(msgId) } }) }
    void this.hub
      .deliver(userOf(which), message, new AbortController().signal)
      .then(() => this.unsettled.delete(delivery))
  }

  /** Done to one of the last sockets that are open. */
  #doAt(one: Extract<Step, { at: number }>): void {
    const open = this.sockets.filter(({ socket }) => socket.end === undefined && socket.sent.length > 0)
    const socket = open.at(-1 - one.at)?.socket
    if (!socket) return
    if (one.kind === 'leave') socket.leave()
    else if (one.kind === 'ack') socket.ack(one.msgId)
    else socket.bufferedAmount = one.bytes
  }

  #log(): Pick<Log, 'error'> {
    return {
      ...silentLog,
      error: (fields) => {
        const { error, message } = fields as { error?: unknown; message?: unknown }
        if (error !== 'StorageUnavailable') this.faults.push(`${error}: ${message}`)
      },
    }
  }

  /** Every question about a user ends before the next one about it begins. */
  async #ask<Answer>(
    { registrationId }: SocketUser,
    answerOf: (registry: Registry) => Answer,
    begin = () => {},
  ): Promise<Answer> {
    const asked = { ...this.registry }
    assert.ok(!this.#busy.has(registrationId), 'one question at a time')
    this.#busy.add(registrationId)
    begin()
    if (asked.seconds > 0) await this.clock.sleep(asked.seconds * 1_000)
    this.#busy.delete(registrationId)
    if (asked.isFailing) throw new StorageUnavailable('away')
    return answerOf(asked)
  }
}

function userOf(which: Name): SocketUser {
  return { appKey: 'app', registrationId: which as RegistrationId }
}

async function pass(clock: FakeClock, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) await clock.advance(1_000)
}

test('in whatever order things happen, a user has one socket, deliveries end, and presence is told truly', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const world = new World()
      for (const one of steps) {
        world.do(one)
        await (one.kind === 'pass' ? pass(world.clock, one.seconds) : settled())
        for (const which of NAMES) {
          assert.ok(world.openOf(which).length <= 1, 'one socket for a user')
          assert.equal(world.hub.isConnected(userOf(which)), world.openOf(which).length === 1)
        }
      }
      while (world.isAsking) await pass(world.clock, 1)
      assert.deepEqual(
        world.present,
        NAMES.filter((which) => world.hub.isConnected(userOf(which))),
      )
      const stopped = world.hub.stop()
      await pass(world.clock, 60)
      await stopped
      await settled()
      assert.deepEqual(world.faults, [])
      assert.deepEqual([world.unsettled.size, world.present, world.hub.size], [0, [], 0])
      assert.equal(world.clock.nextMs, undefined)
    }),
    { numRuns: 300 },
  )
})
