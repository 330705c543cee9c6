/** Whose push service an endpoint belongs to, in the words of the statistics of the web. */

export const webPushVendors = ['chrome', 'firefox', 'safari', 'edge', 'other'] as const
export type WebPushVendor = (typeof webPushVendors)[number]

/** Hosts by browser. One that begins with a dot stands for every host below it. */
const HOSTS: readonly (readonly [string, WebPushVendor])[] = [
  // Opera, Samsung and others built on Chromium subscribe here as well: the endpoint does not tell them apart.
  ['fcm.googleapis.com', 'chrome'],
  ['jmt17.google.com', 'chrome'],
  ['.push.services.mozilla.com', 'firefox'],
  ['.push.apple.com', 'safari'],
  ['.notify.windows.com', 'edge'],
]

/** `origin`: of the endpoint. */
export function vendorOf(origin: string): WebPushVendor {
  const host = URL.parse(origin)?.hostname ?? ''
  const known = HOSTS.find(([name]) => (name.startsWith('.') ? host.endsWith(name) : host === name))
  return known?.[1] ?? 'other'
}
