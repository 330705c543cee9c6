import assert from 'node:assert/strict'
import { createECDH, randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import type { Token } from '../../kernel/personal.ts'
import type { EncryptionJob } from './encryption-jobs.ts'
import { createEncryptionPool, type Encryption, encryptionThreadsOn } from './encryption-pool.ts'
import { decryptPush } from './fake-decryption.ts'

function poolFor(t: TestContext, threadCount = 1) {
  const faults: unknown[] = []
  const pool = createEncryptionPool({ threadCount, onFault: (error) => faults.push(error) })
  t.after(() => pool.close())
  return { pool, faults }
}

function jobOf(text: string) {
  const ecdh = createECDH('prime256v1')
  ecdh.generateKeys()
  const auth = randomBytes(16)
  const job: EncryptionJob = {
    plaintext: new Uint8Array(Buffer.from(text)),
    p256dh: ecdh.getPublicKey('base64url') as Token,
    auth: auth.toString('base64url') as Token,
  }
  const read = (encryption: Encryption) =>
    encryption.kind === 'encrypted'
      ? decryptPush(Buffer.from(encryption.body), { ecdh, auth })?.toString()
      : undefined
  return { job, read }
}

/** Throws in the thread: a fault of the program, which ends the thread. */
const deadly = { ...jobOf('').job, p256dh: null as unknown as Token }

test('every job gets its own body back, over many batches and several threads', async (t) => {
  const { pool } = poolFor(t, 2)
  const asked = Array.from({ length: 300 }, (_, place) => ({
    text: `push ${place}`,
    ...jobOf(`push ${place}`),
  }))
  const encryptions = await Promise.all(asked.map(({ job }) => pool.encrypt(job)))
  assert.deepEqual(
    encryptions.map((encryption, place) => asked[place]?.read(encryption)),
    asked.map(({ text }) => text),
  )
})

test('one text to two users shares neither salt nor key', async (t) => {
  const { pool } = poolFor(t)
  const { job } = jobOf('Hello')
  const bodies = await Promise.all([pool.encrypt(job), pool.encrypt(job)])
  const [one, other] = bodies.map((encryption) =>
    Buffer.from(encryption.kind === 'encrypted' ? encryption.body : []),
  )
  assert.ok(one && other)
  assert.notDeepEqual(one.subarray(0, 16), other.subarray(0, 16))
  assert.notDeepEqual(one.subarray(21, 86), other.subarray(21, 86))
})

test('keys that are not usable spoil no other job of the batch', async (t) => {
  const { pool } = poolFor(t)
  const good = jobOf('Hello')
  const bad = { ...good.job, p256dh: Buffer.alloc(65, 4).toString('base64url') as Token }
  const [first, second] = await Promise.all([pool.encrypt(bad), pool.encrypt(good.job)])
  assert.deepEqual(first, { kind: 'keysUnusable' })
  assert.equal(second && good.read(second), 'Hello')
})

test('a thread that died is told of, loses what it had, and another takes its place', async (t) => {
  const { pool, faults } = poolFor(t)
  assert.deepEqual(await pool.encrypt(deadly), { kind: 'unavailable' })
  assert.equal(faults.length, 1)
  const { job, read } = jobOf('Hello')
  assert.equal(read(await pool.encrypt(job)), 'Hello')
})

test('jobs that waited behind a thread that died are done by the next one', async (t) => {
  const { pool } = poolFor(t)
  const later = Array.from({ length: 200 }, () => jobOf('Hello'))
  const [lost, ...encryptions] = await Promise.all(
    [deadly, ...later.map(({ job }) => job)].map((job) => pool.encrypt(job)),
  )
  assert.deepEqual(lost, { kind: 'unavailable' })
  const last = encryptions.at(-1)
  assert.equal(last && later.at(-1)?.read(last), 'Hello')
})

test('ten thousand jobs wait, and those beyond are told at once', async (t) => {
  const { pool } = poolFor(t)
  const { job } = jobOf('Hello')
  const waiting = Array.from({ length: 10_000 }, () => pool.encrypt(job))
  assert.deepEqual(await pool.encrypt(job), { kind: 'unavailable' })
  await pool.close()
  const kinds = new Set((await Promise.all(waiting)).map(({ kind }) => kind))
  assert.deepEqual([...kinds], ['unavailable'])
})

test('a closed pool answers what it still has, and takes nothing more', async (t) => {
  const { pool } = poolFor(t)
  const { job } = jobOf('Hello')
  await pool.encrypt(job)
  const underWay = Array.from({ length: 100 }, () => pool.encrypt(job))
  await pool.close()
  assert.equal((await Promise.all(underWay)).length, 100)
  assert.deepEqual(await pool.encrypt(job), { kind: 'unavailable' })
})

test('one core is left for everything else, and four threads are enough', () => {
  assert.deepEqual([1, 2, 3, 5, 64].map(encryptionThreadsOn), [1, 1, 2, 4, 4])
})
