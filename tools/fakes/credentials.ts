// The files with which a server trusts the fakes and an app speaks to them. They are worth something only while the fakes run.
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Vendors } from '../story/vendors.ts'

/** Absolute paths, so that they hold wherever they are pasted. */
export type Credentials = {
  folder: string
  ca: string
  fcm: string
  apns: { keyFile: string; keyId: string; teamId: string; topic: string; endpoint: string }
}

export function writeCredentials({ fcm, apns, authorities }: Vendors, folder: string): Credentials {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const write = (name: string, text: string) => {
    const file = path.resolve(folder, name)
    writeFileSync(file, text, { mode: 0o600 })
    return file
  }
  const { key, keyId, teamId, topic, endpoint } = apns.credentials()
  const words = [`key id    ${keyId}`, `team id   ${teamId}`, `topic     ${topic}`, `endpoint  ${endpoint}`]
  write('apns.txt', `${words.join('\n')}\n`)
  return {
    folder: path.resolve(folder),
    ca: write('ca.pem', authorities),
    fcm: write('fcm.json', `${JSON.stringify(fcm.serviceAccount(), undefined, 2)}\n`),
    apns: { keyFile: write('apns.p8', key), keyId, teamId, topic, endpoint },
  }
}
