/** The settings of an app: read from the database with defaults for what is not set, and changed in part. */

import { type AppLimits, appLimitsDefault } from '@lethe/protocol/limits.ts'
import type { AppSettings } from './app.ts'

/** What is to be changed: an absent key stays, a list replaces the whole list. */
export interface SettingsChange {
  readonly allowedAddresses?: readonly string[]
  readonly origins?: readonly string[]
  readonly limits?: Partial<AppLimits>
}

/** Reads the JSON of the column `settings`, in which only what was set stands. */
export function parseSettings(json: string): AppSettings {
  const set = JSON.parse(json) as SettingsChange
  return {
    allowedAddresses: set.allowedAddresses ?? [],
    origins: set.origins ?? [],
    limits: { ...appLimitsDefault, ...set.limits },
  }
}

/** The JSON with the change applied. Defaults are not written down, so that a better default reaches every app. */
export function changeSettings(json: string, change: SettingsChange): string {
  const set = JSON.parse(json) as SettingsChange
  return JSON.stringify({ ...set, ...change, limits: { ...set.limits, ...change.limits } })
}

/** The JSON of an app for which nothing was set. */
export const SETTINGS_NONE = '{}'
