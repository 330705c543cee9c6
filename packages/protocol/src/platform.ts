/** The platforms a user can be on, and the two ways of naming them in a query. */
import { accepted, type Parsed, refused } from './parsed.ts'
import { splitQueryList } from './query-list.ts'

export const platforms = ['web', 'android', 'ios', 'hmos'] as const

export type Platform = (typeof platforms)[number]

const names = platforms.join(', ')

/** One platform, in lower case. */
export function parsePlatform(text: string): Parsed<Platform> {
  const platform = platforms.find((known) => known === text)
  return platform === undefined ? refused(`the platform is one of ${names}`) : accepted(platform)
}

/**
 * The `platform` of a query: one name, several joined by commas or repeated. Absent, empty and `all` mean every platform
 * (the Java SDK always sends the parameter, often empty). The result is in the order of `platforms`, each once.
 */
export function parsePlatformsQuery(query: string | readonly string[] | undefined): Parsed<Platform[]> {
  const values = new Set(splitQueryList(query))
  for (const value of values) {
    if (value !== 'all' && !parsePlatform(value).ok) return refused(`the platform is one of ${names}, or all`)
  }
  if (values.size === 0 || values.has('all')) return accepted([...platforms])
  return accepted(platforms.filter((platform) => values.has(platform)))
}
