/** Credentials of channels that open nothing anywhere, in the form in which an operator sets them. */

import { createECDH, generateKeyPairSync } from 'node:crypto'

/** A key pair as an operator imports it. */
export function webPushKeys(): { public_key: string; private_key: string; subject: string } {
  const pair = createECDH('prime256v1')
  const publicKey = pair.generateKeys('base64url')
  // Leading zeros are left out by the method of this name.
  const privateKey = Buffer.from(pair.getPrivateKey('hex').padStart(64, '0'), 'hex').toString('base64url')
  return { public_key: publicKey, private_key: privateKey, subject: 'mailto:push@example.com' }
}

/** The JSON file of a service account. */
export function serviceAccount(): { private_key: string } & Record<string, string> {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  return {
    type: 'service_account',
    project_id: 'example-project-1',
    private_key_id: '0123456789abcdef',
    private_key: privateKey,
    client_email: 'lethe@example-project-1.iam.gserviceaccount.com',
    token_uri: 'https://oauth2.googleapis.com/token',
  }
}

/** A signing key of Apple's kind. */
export function apnsKey(): { key: string } & Record<string, string> {
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  return { key: privateKey, key_id: 'ABC123DEFG', team_id: 'DEF123GHIJ', topic: 'com.example.app' }
}
