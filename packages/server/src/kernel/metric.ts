/** Metrics as rooms hold them: their labels are words of ours, and personal values do not compile as one. */

import type { Impersonal } from './personal.ts'

export interface CounterBy<Label extends string> {
  /** Counts one more under these labels. */
  inc<Labels extends Record<Label, string>>(labels: Labels & Impersonal<Labels>): void
}
