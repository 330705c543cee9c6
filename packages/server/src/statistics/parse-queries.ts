/** Reads the queries of statistics. A reason names a parameter and its rule, and never repeats a value. */

import { parseMessageId } from '@lethe/protocol/message-id.ts'
import { accepted, type Parsed, refused } from '@lethe/protocol/parsed.ts'
import { splitQueryList } from '@lethe/protocol/query-list.ts'
import { parseRegistrationId } from '@lethe/protocol/registration-id.ts'
import {
  messagesPerStatisticsMax,
  registrationIdsPerStatisticsMax,
} from '@lethe/protocol/statistics-limits.ts'
import type { RegistrationId } from '../kernel/personal.ts'

type QueryList = string | readonly string[] | undefined

/** `message_ids`, each once, in their order. */
export function parseMessageIds(query: QueryList): Parsed<number[]> {
  return parseList('message_ids', query, { parse: parseMessageId, countMax: messagesPerStatisticsMax })
}

/** `registration_ids`, each once, in their order. */
export function parseRegistrationIds(query: QueryList): Parsed<RegistrationId[]> {
  const parsed = parseList('registration_ids', query, {
    parse: parseRegistrationId,
    countMax: registrationIdsPerStatisticsMax,
  })
  return parsed.ok ? accepted(parsed.value as RegistrationId[]) : parsed
}

function parseList<Value>(
  name: string,
  query: QueryList,
  { parse, countMax }: { parse: (text: string) => Parsed<Value>; countMax: number },
): Parsed<Value[]> {
  const values = new Set(splitQueryList(query))
  if (values.size === 0 || values.size > countMax) return refused(`${name}: 1 to ${countMax} ids`)
  const parsed: Value[] = []
  for (const text of values) {
    const value = parse(text)
    if (!value.ok) return refused(`${name}: ${value.reason}`)
    parsed.push(value.value)
  }
  return accepted(parsed)
}
