/** The deletion guard of an app, for tests that are about something else and delete as many as they like. */
import { type GuardSettings } from '../../src/erasure/guard.store.ts'
import type { Db } from '../../src/schema.ts'
export declare function switchGuardOff(database: Db, appKey: string): Promise<void>
export declare function setGuard(database: Db, appKey: string, settings: GuardSettings): Promise<void>
