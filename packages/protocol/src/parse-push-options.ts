/** `options` of a push: the rules that a schema cannot say, and the form that senders work from. */
import { fault, type Judged, passed, type Refusal } from './fault.ts'
import { given } from './given.ts'
import { parseMultiLanguage } from './multi-language.ts'
import type { PushOptions, WebButton } from './push.ts'
import {
  apnsCollapseIdBytesMax,
  bigPushMinutesMax,
  cidCharactersMax,
  timeToLiveSecondsDefault,
} from './push-limits.ts'
import type { PushOptionsBody } from './push-options.schemas.ts'
import { parseThirdPartyChannel } from './third-party-channel.ts'

/** `where` stands before the names of fields: `body.options.` or `options.`. */
export function parsePushOptions(body: PushOptionsBody, where: string): Judged<PushOptions> {
  const refusal =
    refusalOfCid(body, where) ??
    refusalOfDuration(body, where) ??
    refusalOfCollapseId(body, where) ??
    refusalOfButtons(body, where) ??
    refusalOfUnsupported(body, where)
  if (refusal) return refusal
  const languages = parseMultiLanguage(body.multi_language ?? {})
  if (!languages.ok) return fault('parameterInvalid', `${where}multi_language: ${languages.reason}`)
  const channel = parseThirdPartyChannel(body.third_party_channel, `${where}third_party_channel.`)
  if (!channel.ok) return channel
  return passed(
    given<PushOptions>({
      timeToLiveSeconds: body.time_to_live ?? timeToLiveSecondsDefault,
      overrideMsgId: body.override_msg_id,
      apnsProduction: body.apns_production,
      apnsCollapseId: body.apns_collapse_id,
      bigPushMinutes: body.big_push_duration ?? 0,
      languages: languages.value,
      channelOrder: channel.value.channelOrder,
      fcmChannelId: channel.value.fcmChannelId,
      classification: body.classification === 1 ? 'system' : 'operational',
      cid: body.cid,
    }),
  )
}

/** The buttons of a notification on the web; their number and ids were checked with the other options. */
export function webButtonsOf(body: PushOptionsBody): WebButton[] {
  return (body.web_buttons ?? []).map(({ id, text, icon, url }) => given<WebButton>({ id, text, icon, url }))
}

/** An empty `cid` is not taken for none: whoever sent it relies on it. */
function refusalOfCid({ cid }: PushOptionsBody, where: string): Refusal | undefined {
  if (cid === undefined || new RegExp(`^[A-Za-z0-9_-]{1,${cidCharactersMax}}$`).test(cid)) return undefined
  return fault('cidInvalid', `${where}cid: 1 to ${cidCharactersMax} characters of A-Z a-z 0-9 _ -`)
}

function refusalOfDuration(
  { big_push_duration: minutes }: PushOptionsBody,
  where: string,
): Refusal | undefined {
  if (minutes === undefined || (minutes >= 0 && minutes <= bigPushMinutesMax)) return undefined
  return fault(
    'bigPushDurationInvalid',
    `${where}big_push_duration: ${minutes} of 0 to ${bigPushMinutesMax} minutes`,
  )
}

/** The id travels in a header of HTTP, which carries ASCII; there a character is a byte. */
function refusalOfCollapseId({ apns_collapse_id: id }: PushOptionsBody, where: string): Refusal | undefined {
  const rule = `at most ${apnsCollapseIdBytesMax} printable ASCII characters, no space first or last`
  if (id === undefined || new RegExp(`^(?! )[\\x20-\\x7e]{0,${apnsCollapseIdBytesMax}}(?<! )$`).test(id))
    return undefined
  return fault('parameterInvalid', `${where}apns_collapse_id: ${rule}`)
}

function refusalOfButtons(
  { web_buttons: buttons = [] }: PushOptionsBody,
  where: string,
): Refusal | undefined {
  const isUnique = new Set(buttons.map(({ id }) => id)).size === buttons.length
  return isUnique ? undefined : fault('parameterInvalid', `${where}web_buttons: two buttons have one id`)
}

function refusalOfUnsupported(body: PushOptionsBody, where: string): Refusal | undefined {
  const asked = [
    body.voice_value && 'voice_value',
    body.plan_id && 'plan_id',
    body.enhanc_message && 'enhanc_message',
    body.auto_truncation && 'auto_truncation',
  ].find((key) => typeof key === 'string' && key !== '')
  return asked ? fault('parameterInvalid', `${where}${asked}: this is not supported yet`) : undefined
}
