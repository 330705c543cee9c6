/** `body.options`: how a push is sent. Options that Lethe has not are declared, so that they can be refused with a reason. */
import { type Static, Type } from 'typebox'
import { closed } from './fields.ts'
import { textField } from './notification.schemas.ts'
import {
  apnsCollapseIdBytesMax,
  bigPushMinutesMax,
  cidCharactersMax,
  timeToLiveSecondsDefault,
  timeToLiveSecondsMax,
  webButtonsMax,
} from './push-limits.ts'

const LanguageBody = Type.Object(
  {
    title: textField('The title in this language.'),
    content: textField('The text in this language.'),
    ios_subtitle: textField('The subtitle in this language; iOS only.'),
  },
  { ...closed, description: 'The texts in one language. What is absent or empty stays as it is.' },
)

const WebButtonBody = Type.Object(
  {
    id: Type.String({ minLength: 1, description: 'Tells the buttons of a notification apart.' }),
    text: Type.String({ minLength: 1, description: 'What stands on the button.' }),
    icon: textField('The URL of an icon.'),
    url: textField("The page that a click opens; without one, that of the notification's own click."),
  },
  { ...closed, description: 'A button.' },
)

const VendorBody = Type.Object(
  {
    distribution_new: textField(
      'Which way comes first: mtpush, pns_mtpush, mtpush_pns, fcm_mtpush or mtpush_fcm.',
    ),
    importance: textField('How important the vendor takes it.'),
    category: textField("The vendor's category."),
    classification: Type.Optional(Type.Integer({ description: "The vendor's classification." })),
    pushMode: Type.Optional(Type.Integer({ description: "The vendor's mode: 0 in earnest, 1 for a test." })),
    channel_id: textField("The vendor's notification channel."),
    notify_level: Type.Optional(Type.Integer({ description: '1 tray, 2 tray and lock screen, 16 all.' })),
    big_picture_id: textField("The big picture's id at the vendor."),
    small_picture_id: textField("The small picture's id at the vendor."),
  },
  { ...closed, description: 'How the push goes through one vendor of Android.' },
)
export type VendorBody = Static<typeof VendorBody>

const ThirdPartyChannelBody = Type.Object(
  {
    distribution_new: textField('Which way comes first, where the vendor says nothing else.'),
    fcm: Type.Optional(VendorBody),
    xiaomi: Type.Optional(VendorBody),
    huawei: Type.Optional(VendorBody),
    honor: Type.Optional(VendorBody),
    meizu: Type.Optional(VendorBody),
    oppo: Type.Optional(VendorBody),
    vivo: Type.Optional(VendorBody),
    w3push: Type.Optional(
      Type.Object(
        { distribution: textField('Which way comes first: first_ospush, secondary_push, mtpush or ospush.') },
        { ...closed, description: 'How the push goes through Web Push.' },
      ),
    ),
  },
  {
    ...closed,
    description:
      'Which way the push takes. Of the vendors of Android there is fcm; the others are refused with 21003 unless nothing is asked of them.',
  },
)
export type ThirdPartyChannelBody = Static<typeof ThirdPartyChannelBody>

/** `body.options` */
export const PushOptionsBody = Type.Object(
  {
    time_to_live: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: timeToLiveSecondsMax,
        description: `Seconds that the push waits for users who are offline, at most ${timeToLiveSecondsMax} (15 days); ${timeToLiveSecondsDefault} if absent. 0 means users who are online now.`,
      }),
    ),
    override_msg_id: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'The message that this one replaces: one of the last day.',
      }),
    ),
    apns_production: Type.Optional(
      Type.Boolean({
        description: "Whether Apple's production service is meant. Tolerated for other platforms.",
      }),
    ),
    apns_collapse_id: textField(
      `Notifications with one id replace each other on iOS: at most ${apnsCollapseIdBytesMax} printable ASCII characters.`,
    ),
    big_push_duration: Type.Optional(
      Type.Integer({
        description: `Minutes over which the sending is spread, 0 to ${bigPushMinutesMax}; 0 means at full speed.`,
      }),
    ),
    multi_language: Type.Optional(
      Type.Record(Type.String(), LanguageBody, {
        ...closed,
        description: 'The texts of a notification by language, a BCP 47 tag such as en or zh-Hans.',
      }),
    ),
    third_party_channel: Type.Optional(ThirdPartyChannelBody),
    classification: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 1, description: '0 operational (the default), 1 system.' }),
    ),
    voice_value: textField('What to speak. Not supported yet: answered with 21003.'),
    enhanc_message: Type.Optional(
      Type.Boolean({
        description:
          'To show it inside the app when notifications are off. True is not supported yet: answered with 21003.',
      }),
    ),
    plan_id: textField('The push plan. Not supported yet: answered with 21003.'),
    cid: textField(
      `Makes the push safe to repeat for an hour: 1 to ${cidCharactersMax} characters of A-Z a-z 0-9 _ -, unique in the app.`,
    ),
    auto_truncation: Type.Optional(
      Type.Boolean({
        description: 'To cut what is too long. True is not supported yet: answered with 21003.',
      }),
    ),
    web_buttons: Type.Optional(
      Type.Array(WebButtonBody, {
        maxItems: webButtonsMax,
        description: `Buttons of the notification on the web: at most ${webButtonsMax}.`,
      }),
    ),
  },
  { ...closed, description: 'How the push is sent.' },
)
export type PushOptionsBody = Static<typeof PushOptionsBody>
