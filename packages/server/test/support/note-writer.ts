/** A writer thread that knows the units of notes beside the server's. */

import { runWriter } from '../../src/storage/sqlite/writer.ts'
import { units, unitsByName } from '../../src/units.ts'
import { noteUnits } from './note-units.ts'

runWriter(unitsByName({ ...units, ...noteUnits }))
