/**
 * The shapes of vendors' push tokens. A token is only looked at from outside: whether the vendor still knows it is
 * learnt when something is sent. The reasons for FCM and APNs are the texts of the documented token registration.
 */
import {
  apnsTokenCharactersMax,
  apnsTokenCharactersMin,
  tokenCharactersMax,
  tokenCharactersMin,
} from './limits.ts'
import { accepted, type Parsed, refused } from './parsed.ts'
import type { Platform } from './platform.ts'

const fcmShape = /^[A-Za-z0-9_-]+(?::[A-Za-z0-9_-]+)?$/
const hmsShape = /^[A-Za-z0-9_-]+$/
const apnsShape = /^(?:[0-9A-Fa-f]{2})+$/

/** A token of the platform's vendor. The web has subscriptions instead of tokens. */
export function parseToken(platform: Exclude<Platform, 'web'>, text: string): Parsed<string> {
  switch (platform) {
    case 'android':
      return parseFcmToken(text)
    case 'ios':
      return parseApnsToken(text)
    case 'hmos':
      return parseHmsToken(text)
  }
}

/** A Firebase Cloud Messaging token: an instance id, and since 2016 a colon and a second part. 32 to 4096 characters. */
export function parseFcmToken(text: string): Parsed<string> {
  return hasLength(text) && fcmShape.test(text) ? accepted(text) : refused('invalid fcm token format')
}

/** A Huawei token: 32 to 4096 characters. */
export function parseHmsToken(text: string): Parsed<string> {
  return hasLength(text) && hmsShape.test(text) ? accepted(text) : refused('invalid hms token format')
}

/** An APNs token: whole bytes in hex, 64 to 200 characters, given back in lower case so that one token has one form. */
export function parseApnsToken(text: string): Parsed<string> {
  const hasApnsLength = text.length >= apnsTokenCharactersMin && text.length <= apnsTokenCharactersMax
  return hasApnsLength && apnsShape.test(text)
    ? accepted(text.toLowerCase())
    : refused('invalid apns token format')
}

function hasLength(text: string): boolean {
  return text.length >= tokenCharactersMin && text.length <= tokenCharactersMax
}
