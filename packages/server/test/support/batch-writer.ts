/** A writer thread that knows the batches beside the server's units. */

import { runWriter } from '../../src/storage/sqlite/writer.ts'
import { units, unitsByName } from '../../src/units.ts'
import { changeBatch, registerBatch } from './batch-units.ts'

runWriter(unitsByName({ ...units, changeBatch, registerBatch }))
