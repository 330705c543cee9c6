/** Times as people write them on a command line and read them from it. */

import { InvalidArgumentError } from 'commander'

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }

/** `90s`, `10m`, `2h`, `7d`, in seconds. @throws InvalidArgumentError for anything else. */
export function parseDuration(text: string): number {
  const [, number, unit] = /^(\d{1,7})([smhd])$/.exec(text) ?? []
  const seconds = unit === undefined ? undefined : SECONDS[unit]
  if (seconds === undefined) throw new InvalidArgumentError('Write it as 90s, 10m, 2h or 7d.')
  return Number(number) * seconds
}

/** `1 d 2 h`, `3 min 20 s`, `12 s`: the two largest units. */
export function wordsOfSeconds(seconds: number): string {
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [Math.floor(seconds) % 60, 's'],
  ] as const
  const first = parts.findIndex(([count]) => count > 0)
  if (first < 0) return '0 s'
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ')
}
