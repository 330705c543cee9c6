/** What the database knows of the server that it belongs to. */

import { type AdminDatabase, adminUnits } from './admin.store.ts'

/**
 * Ties the database to the secret key that sealed its keys.
 * @throws Error with a sentence for the operator when it belongs to another one.
 */
export async function checkSecretKey(
  deps: { readonly database: AdminDatabase },
  fingerprint: string,
): Promise<void> {
  const fact = { name: 'secret key fingerprint', value: fingerprint }
  const known = await deps.database.write(adminUnits.keepServerFact, fact)
  if (known === fingerprint) return
  throw new Error(
    'LETHE_SECRET_KEY is not the key that this database was made with, so the keys in it cannot be opened. ' +
      'Start with the old key: the file secret-key in the data directory, or the LETHE_SECRET_KEY of the other nodes.',
  )
}
