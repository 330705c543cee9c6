/**
 * Every limit on the wire, each a named constant with its unit and its source. "Documented" means the EngageLab Push
 * API v4. Where v4 is silent the figure of its predecessor, JPush v3, is taken. What remains is our own, with a reason.
 */

/** Bytes of UTF-8 in a tag (documented; a Chinese character counts 3). */
export const tagBytesMax = 40

/** Bytes of UTF-8 in an alias (documented). */
export const aliasBytesMax = 40

/** Tags of one device (documented). */
export const tagsPerDeviceMax = 100

/** Different tags in one app (documented). */
export const tagsPerAppMax = 100_000

/** Devices that carry one tag (documented). */
export const devicesPerTagMax = 100_000

/** Aliases in one app (documented; the current page on app push leaves it out). */
export const aliasesPerAppMax = 100_000

/** Requests per second and app to the server API (documented). */
export const requestsPerSecondMax = 500

/** Tags in one query of `tags_count` or of `quota-info` (documented for `tags_count`). */
export const tagsPerCountMax = 1000

/** Registration ids to add, and as many to remove, in one call that sets a tag (JPush v3). */
export const registrationIdsPerTagCallMax = 1000

/** Tags to add, and as many to remove, in one call that sets a device (JPush v3). */
export const tagsPerDeviceCallMax = 100

/** Tokens in one call that registers tokens (the official SDKs). */
export const tokensPerCallMax = 500

/** Registration ids in one query of device status (JPush v3). */
export const registrationIdsPerStatusMax = 1000

/** A device counts as online for this long after it was last seen (JPush v3). */
export const onlineWindowMs = 10 * 60 * 1000

/**
 * Bytes of a request body (ours). The longest legitimate body, 500 tokens of 200 characters or 2000 ids of 64, stays
 * below 150 kB; bodies up to the longest conceivable tokens are not worth the memory they cost under load.
 */
export const bodyBytesMax = 1024 * 1024

/** Characters of a registration id (ours: real ones have 19 to 32; imported ones may be longer). */
export const registrationIdCharactersMax = 64

/** Characters of an operating system, browser, model or version (ours: longer ones are noise or an attack). */
export const factCharactersMax = 100

/** Characters of a language tag or the name of a time zone before it is parsed (ours: RFC 5646 needs 35). */
export const localeCharactersMax = 64

/** Characters of the endpoint of a Web Push subscription (ours: push services use 150 to 600). */
export const endpointCharactersMax = 2048

/** Characters of a vendor's push token (ours: FCM uses 140 to 200 and documents no limit). */
export const tokenCharactersMax = 4096

/** Characters of the shortest FCM or HMS token that is taken for one (ours: real ones have over 100). */
export const tokenCharactersMin = 32

/** Hex characters of an APNs token. Apple issues 64 today and says the length may grow; 200 is ours. */
export const apnsTokenCharactersMin = 64
export const apnsTokenCharactersMax = 200

/** Characters of an app's name, of its app key and of its master secret (ours). */
export const appNameCharactersMax = 100
export const appKeyCharactersMax = 64
export const masterSecretCharactersMax = 128

/** Entries of an app's list of allowed addresses, and of its list of origins (ours: both are read on every request). */
export const allowedAddressesMax = 200
export const originsMax = 100

/** The limits that an operator may set for one app. All are counts, except the two that end in `Bytes`. */
export type AppLimits = {
  readonly tagsPerDevice: number
  readonly tagsPerApp: number
  readonly devicesPerTag: number
  readonly aliasesPerApp: number
  readonly tagBytes: number
  readonly aliasBytes: number
  /** 0 means: no limit. */
  readonly requestsPerSecond: number
}

/** The limits of an app for which nothing else was set: the documented ones. */
export const appLimitsDefault: AppLimits = Object.freeze({
  tagsPerDevice: tagsPerDeviceMax,
  tagsPerApp: tagsPerAppMax,
  devicesPerTag: devicesPerTagMax,
  aliasesPerApp: aliasesPerAppMax,
  tagBytes: tagBytesMax,
  aliasBytes: aliasBytesMax,
  requestsPerSecond: requestsPerSecondMax,
})
