/** A certificate for servers on this machine, made anew for each start of the fakes: its key never outlives them. */

import { randomBytes } from 'node:crypto'
import { generate } from 'selfsigned'

export interface Certificate {
  /** PEM. */
  readonly key: string
  /** PEM; whoever trusts it as an authority trusts the server. */
  readonly cert: string
}

/** For localhost, 127.0.0.1 and ::1, and for these names besides. */
export async function makeCertificate(names: readonly string[] = []): Promise<Certificate> {
  const altNames = [
    ...['localhost', ...names].map((value) => ({ type: 2 as const, value })),
    ...['127.0.0.1', '::1'].map((ip) => ({ type: 7 as const, ip })),
  ]
  // A name of its own: who trusts several could not tell them apart by one name.
  const name = `Lethe fake ${randomBytes(4).toString('hex')}`
  const made = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'subjectAltName', altNames },
    ],
  })
  return { key: made.private, cert: made.cert }
}
