/** What the registry knows of tags beforehand: how many users hold them. */

import type { Tag } from '../kernel/personal.ts'
import type { Read } from '../schema.ts'
import { statement } from '../storage/statement.ts'

/** How many live users hold each tag; a tag that nobody holds is missing. */
export type Holders = ReadonlyMap<Tag, number>

export async function readHolders(read: Read, appKey: string, tags: readonly Tag[]): Promise<Holders> {
  const rows = await read.query(
    HOLDERS,
    tags.map((tag) => ({ app_key: appKey, tag })),
  )
  return new Map(rows.map(({ tag, holders }) => [tag, holders]))
}

const HOLDERS = statement<{ tag: Tag; holders: number }>()(
  'audience.holders',
  { app_key: 'text', tag: 'text' },
  (q) => `select t.tag, t.web_count + t.android_count + t.ios_count + t.hmos_count as holders
    from ${q.input} join tag t on t.app_key = input.app_key and t.tag = input.tag`,
)
