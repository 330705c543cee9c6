/** Who calls the operator API: a bearer token, of which the database has the digest. */

import { sha256 } from '../kernel/digest.ts'
import { type AdminDatabase, isOperatorToken } from './admin.store.ts'

export interface Operator {
  readonly kind: 'operator'
}

export interface OperatorAuthenticationDeps {
  readonly database: Pick<AdminDatabase, 'read'>
}

export type OperatorAuthentication =
  | Operator
  | { readonly kind: 'refused'; readonly error: 'credentialsMissing' | 'operatorTokenWrong' }

export async function authenticateOperator(
  deps: OperatorAuthenticationDeps,
  authorization: string | undefined,
): Promise<OperatorAuthentication> {
  const token = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1]
  if (authorization === undefined || authorization.trim() === '') return MISSING
  if (token === undefined) return WRONG
  // The look-up is by digest: how long it takes tells nothing about a token.
  return (await isOperatorToken(deps.database.read, sha256(token))) ? OPERATOR : WRONG
}

/** Goes with every 401 of the operator API. */
export const BEARER_CHALLENGE = 'Bearer realm="Lethe operator"'

const OPERATOR = { kind: 'operator' } as const
const MISSING = { kind: 'refused', error: 'credentialsMissing' } as const
const WRONG = { kind: 'refused', error: 'operatorTokenWrong' } as const
const BEARER = /^bearer +([!-~]+) *$/i
