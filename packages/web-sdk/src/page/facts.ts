/** What a browser tells about itself at each visit. */

import type { ClientDeviceBody } from '@lethe/protocol/client.schemas.ts'
import type { Permission } from './browser-push.ts'

export const sdkVersion = '0.1.0'

type Facts = Pick<
  ClientDeviceBody,
  'sdk_version' | 'language' | 'timezone' | 'browser' | 'os' | 'notification_permission'
>

export function factsOf(permission: Permission): Facts {
  const { language, userAgent } = navigator
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  return {
    sdk_version: `web ${sdkVersion}`,
    ...(language && { language }),
    ...(timeZone && { timezone: timeZone }),
    ...named('browser', BROWSERS, userAgent),
    ...named('os', SYSTEMS, userAgent),
    ...(permission !== 'unsupported' && { notification_permission: permission }),
  }
}

/** The first that fits: Edge and Opera say that they are Chrome, and Chrome that it is Safari. */
const BROWSERS: readonly [string, RegExp][] = [
  ['Edge', /Edg\w*\/(\d+)/],
  ['Opera', /OPR\/(\d+)/],
  ['Samsung Internet', /SamsungBrowser\/(\d+)/],
  ['Firefox', /(?:Firefox|FxiOS)\/(\d+)/],
  ['Chrome', /(?:Chrome|CriOS)\/(\d+)/],
  ['Safari', /Version\/(\d+)[\d.]* .*Safari/],
]

const SYSTEMS: readonly [string, RegExp][] = [
  ['Android', /Android ?(\d*)/],
  ['iOS', /(?:iPhone|iPad).* OS (\d+)/],
  ['Windows', /Windows()/],
  ['macOS', /Mac OS X()/],
  ['ChromeOS', /CrOS()/],
  ['Linux', /Linux()/],
]

function named(fact: 'browser' | 'os', names: readonly [string, RegExp][], userAgent: string) {
  for (const [name, pattern] of names) {
    const version = pattern.exec(userAgent)?.[1]
    if (version !== undefined) return { [fact]: version ? `${name} ${version}` : name }
  }
  return {}
}
