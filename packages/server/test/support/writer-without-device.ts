/** A writer thread whose removal leaves out the table device. */

import { runWriter } from '../../src/storage/sqlite/writer.ts'
import { removalPlan, unitsByName, unitsWith } from '../../src/units.ts'

runWriter(unitsByName(unitsWith(removalPlan().filter(({ table }) => table !== 'device'))))
