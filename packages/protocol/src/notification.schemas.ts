/** Notifications: what a push shows, for all platforms and for each. */
import { type Static, Type } from 'typebox'
import { closed } from './fields.ts'
import { badgeMax, inboxLinesMax } from './push-limits.ts'

const int32Max = 2 ** 31 - 1

/** An optional text. The empty text is kept apart from none only where the description says so. */
export function textField(description: string) {
  return Type.Optional(Type.String({ description }))
}

/** Whatever JSON the developer likes: the one kind of object whose keys are not ours to know. */
export function freeObject(description: string) {
  return Type.Record(Type.String(), Type.Unknown({ description: 'Any JSON.' }), { ...closed, description })
}

const Extras = freeObject("The developer's own data, handed to the app.")

const Intent = Type.Object(
  { url: textField('An intent, or a link into the app or to a page. Empty means none.') },
  { ...closed, description: 'What a click opens.' },
)

const badgeFields = {
  badge_add_num: Type.Optional(
    Type.Integer({ minimum: 0, maximum: badgeMax, description: 'Added to the badge; 0 changes nothing.' }),
  ),
  badge_set_num: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: badgeMax,
      description: 'The new badge; it wins over badge_add_num.',
    }),
  ),
}

const displayForeground = Type.Optional(
  Type.Enum(['1', '0'], { description: 'Whether to show it while the app is in front: "1" yes, "0" no.' }),
)

const localArguments = (description: string) =>
  Type.Optional(Type.Array(Type.String({ description: 'One argument.' }), { description }))

const AlertObject = Type.Object(
  {
    title: textField('The title.'),
    subtitle: textField('The second line; iOS only.'),
    body: textField('The text.'),
    'launch-image': textField('The image shown at the start of the app; iOS only.'),
    'title-loc-key': textField("The title's key in the app's own texts."),
    'title-loc-args': localArguments('What goes into that title.'),
    'subtitle-loc-key': textField("The subtitle's key in the app's own texts; iOS only."),
    'subtitle-loc-args': localArguments('What goes into that subtitle.'),
    'loc-key': textField("The text's key in the app's own texts."),
    'loc-args': localArguments('What goes into that text.'),
  },
  { ...closed, description: "Title and text in the form of Apple's alert dictionary." },
)

/** A text, or a text with its title. */
function alertField(description: string) {
  return Type.Optional(Type.Union([Type.String({ description }), AlertObject], { description }))
}

const AndroidNotificationBody = Type.Object(
  {
    alert: alertField('The text on Android. The empty text shows nothing.'),
    title: textField("The title; without one the app's name stands there."),
    builder_id: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: int32Max,
        description: 'The style that the app has under this number.',
      }),
    ),
    channel_id: textField('The notification channel. Empty means none.'),
    priority: Type.Optional(
      Type.Integer({ minimum: -2, maximum: 2, description: 'How it is ranked in the tray: -2 to 2.' }),
    ),
    category: textField('The category, which devices rank by.'),
    style: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 3,
        description: '0 plain, 1 long text, 2 lines, 3 big picture.',
      }),
    ),
    big_text: textField('The long text, for style 1.'),
    inbox: Type.Optional(
      Type.Record(Type.String(), Type.String({ description: 'One line.' }), {
        ...closed,
        description: 'The lines, for style 2.',
      }),
    ),
    big_pic_path: textField('The big picture, for style 3: a URL or a path on the device.'),
    extras: Type.Optional(Extras),
    intent: Type.Optional(Intent),
    large_icon: textField('The large icon.'),
    small_icon: textField('The small icon.'),
    sound: textField('The name of a sound of the app.'),
    ...badgeFields,
    badge_class: textField('The class that starts the app, which some launchers need for the badge.'),
    display_foreground: displayForeground,
    group_id: textField('Notifications of one group stand together.'),
    is_fold: Type.Optional(Type.Boolean({ description: 'Whether the notifications of a group are folded.' })),
  },
  { ...closed, description: 'The notification on Android.' },
)
export type AndroidNotificationBody = Static<typeof AndroidNotificationBody>

const CriticalSound = Type.Object(
  {
    critical: Type.Optional(
      Type.Union([Type.Boolean(), Type.Integer({ minimum: 0, maximum: 1 })], {
        description: 'Whether it sounds even when the device is muted.',
      }),
    ),
    name: textField('The name of a sound of the app.'),
    volume: Type.Optional(Type.Number({ minimum: 0, maximum: 1, description: 'From 0 (silent) to 1.' })),
  },
  { ...closed, description: 'A sound that may be critical.' },
)

const IosNotificationBody = Type.Object(
  {
    alert: alertField('The text on iOS.'),
    sound: Type.Optional(
      Type.Union([Type.String({ description: 'The name of a sound.' }), CriticalSound], {
        description: 'The sound: its name, or "default".',
      }),
    ),
    badge: Type.Optional(
      Type.Union(
        [
          Type.Integer({ minimum: 0, maximum: badgeMax, description: 'The new badge; 0 clears it.' }),
          Type.String({
            pattern: '^([+-]?[0-9]{1,2})?$',
            description: '"5" the new badge, "+1" or "-1" a change; the empty text clears it.',
          }),
        ],
        { description: `The badge: set to 0 to ${badgeMax}, or changed by as much. Absent leaves it.` },
      ),
    ),
    'content-available': Type.Optional(Type.Boolean({ description: 'Whether the app is woken.' })),
    'mutable-content': Type.Optional(
      Type.Boolean({ description: "Whether the app's service extension may change it." }),
    ),
    category: textField('The category, which has the buttons.'),
    extras: Type.Optional(Extras),
    'thread-id': textField('Notifications of one thread stand together.'),
    'interruption-level': Type.Optional(
      Type.Enum(['active', 'critical', 'passive', 'time-sensitive'], {
        description: 'How much it may interrupt.',
      }),
    ),
  },
  { ...closed, description: 'The notification on iOS.' },
)
export type IosNotificationBody = Static<typeof IosNotificationBody>

const HmosNotificationBody = Type.Object(
  {
    alert: textField('The text on HarmonyOS. The empty text shows nothing.'),
    title: textField('The title.'),
    category: textField("Huawei's category of messages."),
    large_icon: textField('The large icon: an https URL.'),
    intent: Type.Optional(Intent),
    ...badgeFields,
    test_message: Type.Optional(
      Type.Boolean({ description: "Whether it is one of Huawei's test messages." }),
    ),
    receipt_id: textField('The receipt configuration at Huawei.'),
    extras: Type.Optional(Extras),
    style: Type.Optional(Type.Enum([0, 3], { description: '0 plain, 3 lines.' })),
    inbox_content: Type.Optional(
      Type.Array(Type.String({ description: 'One line.' }), {
        maxItems: inboxLinesMax,
        description: `The lines, for style 3: at most ${inboxLinesMax}.`,
      }),
    ),
    push_type: Type.Optional(
      Type.Enum([0, 2, 10], {
        description: '0 notification. 2 extended notification and 10 call are not supported yet.',
      }),
    ),
    extra_data: textField('Data of an extended notification or a call; not used by a notification.'),
    display_foreground: displayForeground,
  },
  { ...closed, description: 'The notification on HarmonyOS.' },
)
export type HmosNotificationBody = Static<typeof HmosNotificationBody>

const WebNotificationBody = Type.Object(
  {
    alert: textField('The text on the web. It may be left to the alert for all platforms.'),
    url: Type.String({ description: 'The page that a click opens.' }),
    title: textField('The title.'),
    icon: textField('The URL of the icon, best 192 by 192 pixels.'),
    image: textField('The URL of a picture, best 360 by 180 pixels.'),
    extras: Type.Optional(Extras),
  },
  { ...closed, description: 'The notification on the web.' },
)
export type WebNotificationBody = Static<typeof WebNotificationBody>

/** `body.notification` */
export const NotificationBody = Type.Object(
  {
    alert: alertField("The text on every platform that has none of its own. A platform's own wins."),
    android: Type.Optional(AndroidNotificationBody),
    ios: Type.Optional(IosNotificationBody),
    hmos: Type.Optional(HmosNotificationBody),
    web: Type.Optional(WebNotificationBody),
  },
  { ...closed, description: 'A notification: what the user sees.' },
)
export type NotificationBody = Static<typeof NotificationBody>
