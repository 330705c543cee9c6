/** Writes of statistics inside the transactions of sends. */

import type { Tx } from '../schema.ts'

export async function countOutcomes(_tx: Tx, _rows: readonly object[]): Promise<void> {}
export async function saveStatuses(_tx: Tx, _rows: readonly object[]): Promise<void> {}
