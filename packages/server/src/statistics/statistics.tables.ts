/** What became of messages: by user, for as long as there is the user, and as counters. */

import type { RegistrationId } from '../kernel/personal.ts'
import { bigint, nullable, oneOf, personal, table, text } from '../storage/table.ts'

/** The life of one message at one user. */
export const messageStatusTable = table('message_status', {
  app_key: text,
  registration_id: personal<RegistrationId>(text, 'names the user'),
  msg_id: bigint,
  /** In the words of the API: see `lifecycleStatuses`. `failed`: no channel has taken it, or it waited too long for the user. */
  status: oneOf('sent', 'failed', 'delivered', 'shown', 'clicked'),
  /** A key of `sub_android`, `sub_ios`, `sub_hmos` or `sub_web` in the statistics of a message. */
  channel: text,
  /** The vendor's own word for a failure, or ours. */
  failure: nullable(text),
  changed_at: bigint,
})

/** Counters of a message by platform and channel. They stay as they are when a user is deleted. */
export const messageCountTable = table('message_count', {
  msg_id: bigint,
  app_key: text,
  platform: oneOf('web', 'android', 'ios', 'hmos'),
  channel: text,
  targets: bigint,
  sent: bigint,
  delivered: bigint,
  impressions: bigint,
  clicks: bigint,
})

/** How many users came and were there, by day (UTC, `yyyy-MM-dd`) and platform. */
export const userDayTable = table('user_day', {
  app_key: text,
  day: text,
  platform: oneOf('web', 'android', 'ios', 'hmos'),
  new_count: bigint,
  active_count: bigint,
})
