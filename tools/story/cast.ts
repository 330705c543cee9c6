// The three users of the story, and what each brings along: a browser's subscription, a token of Google's, one of Apple's.
import { createECDH, randomBytes } from 'node:crypto'

export type Person = {
  name: string
  /** The body of the client's registration, without tags and alias. */
  registration: { platform: 'web' | 'android' | 'ios' } & Record<string, unknown>
  tags: string[]
  alias: string
}

/** A registered user, and the credentials of its own client. */
export type User = Person & { id: string; secret: string }

/** A tag that all three hold. */
export const sharedTag = 'newsletter'

export type Cast = { alice: Person; bob: Person; carol: Person }

/** Bob is the one who will be deleted: his tag, alias and token are his alone. */
export function makeCast(): Cast {
  return {
    alice: {
      name: 'Alice',
      registration: {
        platform: 'web',
        subscription: browserSubscription(),
        browser: 'Firefox 140',
        language: 'en-GB',
        timezone: 'Europe/London',
      },
      tags: [sharedTag, 'garden'],
      alias: 'alice',
    },
    bob: {
      name: 'Bob',
      registration: {
        platform: 'android',
        token: newFcmToken(),
        model: 'Pixel 9',
        language: 'zh-Hans-CN',
        timezone: 'Asia/Shanghai',
      },
      tags: [sharedTag, '贵宾'],
      alias: '鲍勃',
    },
    carol: {
      name: 'Carol',
      registration: {
        platform: 'ios',
        token: randomBytes(32).toString('hex'),
        model: 'iPhone 17',
        language: 'de-DE',
        timezone: 'Europe/Berlin',
      },
      tags: [sharedTag],
      alias: 'carol',
    },
  }
}

/** As the Push API gives it: an endpoint, a point on the curve P-256, and 16 secret bytes. */
function browserSubscription(): Record<string, unknown> {
  return {
    endpoint: `https://push.example.net/wpush/v2/${randomBytes(48).toString('base64url')}`,
    expirationTime: null,
    keys: {
      p256dh: createECDH('prime256v1').generateKeys().toString('base64url'),
      auth: randomBytes(16).toString('base64url'),
    },
  }
}

/** An instance id, a colon, and 140 characters. */
export function newFcmToken(): string {
  return `${randomBytes(16).toString('base64url')}:APA91b${randomBytes(100).toString('base64url')}`
}
