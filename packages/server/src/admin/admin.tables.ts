/** Who may operate this server, and what the server knows of itself. Nothing here tells anything about a user. */

import { bigint, table, text } from '../storage/table.ts'

/** SHA-256 digests of operator tokens. */
export const operatorTokenTable = table('operator_token', { digest: text, created_at: bigint })

/** Facts of the server as a whole, by name: the fingerprint of the secret key that this database belongs to. */
export const serverFactTable = table('server_fact', { name: text, value: text })
