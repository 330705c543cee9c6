/** Whose push service an endpoint belongs to, in the words of the statistics of the web. */

export type WebPushVendor = 'chrome' | 'firefox' | 'safari' | 'edge' | 'other'

/** Hosts by browser. One that begins with a dot stands for every host below it. */
const HOSTS: readonly (readonly [string, WebPushVendor])[] = [
  // Opera, Samsung and others built on Chromium subscribe here as well: the endpoint does not tell them apart.
  ['fcm.googleapis.com', 'chrome'],
  ['jmt17.google.com', 'chrome'],
  ['.push.services.mozilla.com', 'firefox'],
  ['.push.apple.com', 'safari'],
  ['.notify.windows.com', 'edge'],
]

/** `endpoint`: the whole of it or its origin. */
export function vendorOf(endpoint: string): WebPushVendor {
  const host = URL.parse(endpoint)?.hostname ?? ''
  const known = HOSTS.find(([name]) => (name.startsWith('.') ? host.endsWith(name) : host === name))
  return known?.[1] ?? 'other'
}
