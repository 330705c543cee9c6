/** The units of the registry, given a whole batch at once and without the engines' second try one by one. */

import { type ChangeOutput, changeDevices, type DeviceChange } from '../../src/devices/change.store.ts'
import {
  type RegistrationInput,
  type RegistrationOutput,
  registerDevices,
} from '../../src/devices/registration.store.ts'
import type { Tables, Tx } from '../../src/schema.ts'
import type { Unit } from '../../src/storage/database.ts'
import { interactive } from '../../src/storage/unit.ts'

/** A unit whose every input is a batch for `unit`. */
function batchOf<Input, Output>(unit: Unit<Input, Output, Tables>) {
  return interactive(`batch of ${unit.name}`, async (tx: Tx, batches: readonly (readonly Input[])[]) => {
    const outputs: Output[][] = []
    for (const batch of batches) outputs.push(await unit.run(tx, batch))
    return outputs
  })
}

export const changeBatch = batchOf<DeviceChange, ChangeOutput>(changeDevices)
export const registerBatch = batchOf<RegistrationInput, RegistrationOutput>(registerDevices)
