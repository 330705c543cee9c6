/**
 * The limits of a push on the wire, each with its source. "Documented" means the EngageLab Push API v4. Where v4 is silent
 * the figure of its predecessor, JPush v3, is taken. What remains is our own, with a reason.
 */

/** Bytes of UTF-8, as JSON, in what one platform gets: its notification, buttons included, or the message (documented). */
export const contentBytesMax = 4000

/** Bytes of UTF-8 in a notification of the web, as JSON (documented). */
export const webNotificationBytesMax = 2048

/** Characters of `custom_args`; of its JSON if it is an object (documented; the objects are ours). */
export const customArgsCharactersMax = 128

/** Characters of `request_id` and of `from` (ours: both are kept with the push; a UUID has 36). */
export const requestIdCharactersMax = 128
export const fromCharactersMax = 128

/** Seconds that a push waits for users who are offline (documented; the maximum for the web only, and taken for all). */
export const timeToLiveSecondsDefault = 86_400
export const timeToLiveSecondsMax = 15 * 86_400

/** Minutes over which a push may be spread (documented). */
export const bigPushMinutesMax = 1440

/** Bytes of the id under which Apple's service replaces notifications (JPush v3, and Apple). */
export const apnsCollapseIdBytesMax = 64

/** Characters of a `cid` (documented). */
export const cidCharactersMax = 64

/** Buttons of a web notification (documented). */
export const webButtonsMax = 2

/** Languages of one push (ours: there are 184 two-letter languages; each text is measured when the push is accepted). */
export const languagesPerPushMax = 200

/** Items in one batch (documented). */
export const itemsPerBatchMax = 500

/**
 * Bytes of the body of a batch (ours: 500 items of 4,000 bytes of content, written with every alert twice and with spaces,
 * stay below).
 */
export const batchBodyBytesMax = 6 * 1024 * 1024

/** Bytes of the id of an Android notification channel (JPush v3). */
export const channelIdBytesMax = 1000

/** The highest badge, and the most that one push adds to a badge or takes from it (JPush v3). */
export const badgeMax = 99

/** Lines of a HarmonyOS notification in many lines (documented). */
export const inboxLinesMax = 3
