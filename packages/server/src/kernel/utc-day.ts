/** Days as statistics count them: in UTC, so that all nodes and all customers mean the same one. */

export const DAY_MS = 86_400_000

/** The day of this instant, milliseconds since the epoch, as `yyyy-MM-dd`. Days sort as text. */
export function utcDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
