/** The program of a thread that encrypts: batches in, bodies out. */

import { parentPort } from 'node:worker_threads'
import { assert } from '../../kernel/assert.ts'
import { systemRandom } from '../../kernel/random.ts'
import { type EncryptionJob, encryptBatch } from './encryption-jobs.ts'

const port = parentPort
assert(port, 'this is the program of a worker thread')

port.on('message', (jobs: readonly EncryptionJob[]) => {
  const bodies = encryptBatch(jobs, systemRandom)
  port.postMessage(
    bodies,
    bodies.flatMap((body) => (body ? [body.buffer] : [])),
  )
})
