/** The program of the writer thread: every write unit of the server, over one SQLite file. */

import { runWriter } from './storage/sqlite/writer.ts'
import { units, unitsByName } from './units.ts'

runWriter(unitsByName(units))
