// The vendors of the story: fakes on this machine that speak the real protocols, and the file with which a server trusts them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import { type FakeApns, startFakeApns } from '../../packages/server/src/channels/apns/fake-apns.ts'
import { type FakeFcm, startFakeFcm } from '../../packages/server/src/channels/fcm/fake-fcm.ts'
import {
  type FakeWebPush,
  startFakeWebPush,
} from '../../packages/server/src/channels/web-push/fake-web-push.ts'

export type Vendors = {
  webPush: FakeWebPush
  fcm: FakeFcm
  apns: FakeApns
  /** PEM of all their authorities. */
  authorities: string
  /** What a server needs in its environment to reach them. */
  environment: Record<string, string>
  stop(): Promise<void>
}

/** If this process ends without `stop`, the file is removed all the same. */
export async function startVendors(): Promise<Vendors> {
  const [webPush, fcm, apns] = await Promise.all([startFakeWebPush(), startFakeFcm(), startFakeApns()])
  const folder = mkdtempSync(path.join(tmpdir(), 'lethe-vendors-'))
  const removeFolder = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', removeFolder)
  const authorities = [webPush.ca, fcm.cert, apns.cert].join('\n')
  const file = path.join(folder, 'ca.pem')
  writeFileSync(file, authorities)
  return {
    webPush,
    fcm,
    apns,
    authorities,
    environment: { NODE_EXTRA_CA_CERTS: file, LETHE_ALLOW_PRIVATE_NETWORK: 'true' },
    stop: async () => {
      await Promise.all([webPush.close(), fcm.close(), apns.close()])
      process.off('exit', removeFolder)
      removeFolder()
    },
  }
}
