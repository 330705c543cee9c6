/** Whom the lines of a list mean. */

import type { Alias, RegistrationId } from '../../kernel/personal.ts'
import type { Read } from '../../schema.ts'
import { statement } from '../../storage/statement.ts'

/** The live users who hold these aliases; an alias that nobody holds gives nobody. */
export async function readHoldersOfAliases(
  read: Read,
  appKey: string,
  aliases: readonly Alias[],
): Promise<RegistrationId[]> {
  const rows = await read.query(
    HOLDERS_OF_ALIASES,
    aliases.map((name) => ({ app_key: appKey, name })),
  )
  return rows.map(({ registration_id }) => registration_id)
}

const HOLDERS_OF_ALIASES = statement<{ registration_id: RegistrationId }>()(
  'deletion.holders-of-aliases',
  { app_key: 'text', name: 'text' },
  (q) => `select d.registration_id from ${q.input}
    join device d on d.app_key = input.app_key and d.alias = input.name
    where d.alias is not null and d.state = 'live'`,
)
