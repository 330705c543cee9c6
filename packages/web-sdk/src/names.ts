/** Under which names a browser keeps what belongs to one app. Cookies ignore ports, so the app stands in the name. */

export function cookieNameOf(appKey: string): string {
  return `lethe_${encodeURIComponent(appKey)}`
}

const DATABASE_PREFIX = 'lethe_'

export function databaseNameOf(appKey: string): string {
  return DATABASE_PREFIX + appKey
}

export function isDatabaseOfOurs(name: string | undefined): name is string {
  return name?.startsWith(DATABASE_PREFIX) ?? false
}

/** Of the channel over which the app's pages and its worker tell each other what happens. */
export function channelNameOf(appKey: string): string {
  return `lethe_${appKey}`
}

/** Of the lock under which pages decide who the user is. */
export function lockNameOf(appKey: string): string {
  return `lethe_${appKey}`
}

/** Of the lock that the page holds which has the socket. */
export function socketLockNameOf(appKey: string): string {
  return `lethe_${appKey}_socket`
}
