/** How long a vendor asks us to wait. What an answer without it means is left to each channel. */

/**
 * `Retry-After` in milliseconds from now: seconds or a date (RFC 9110 section 10.2.3). Null where it is absent or neither. Never
 * more than `maxMs`, whatever a vendor says.
 */
export function retryAfterMs(
  header: string | undefined,
  { nowMs, maxMs }: { nowMs: number; maxMs: number },
): number | null {
  if (header === undefined) return null
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - nowMs
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), maxMs)
}
