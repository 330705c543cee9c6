/** The contents of a push that are not notifications: custom messages, live activities and calls. */
import { type Static, Type } from 'typebox'
import { closed } from './fields.ts'
import { freeObject, textField } from './notification.schemas.ts'

/** `body.message` */
export const MessageBody = Type.Object(
  {
    msg_content: Type.Optional(
      Type.Union([Type.String({ description: 'A text.' }), freeObject('Any JSON object.')], {
        description: 'What the app gets. It may be absent only when there are extras.',
      }),
    ),
    title: textField('A title.'),
    content_type: textField('What kind of content it is, in words of the developer.'),
    extras: Type.Optional(freeObject("The developer's own data, handed to the app.")),
    test_message: Type.Optional(
      Type.Boolean({ description: "Whether it is one of Huawei's test messages." }),
    ),
    receipt_id: textField('The receipt configuration at Huawei.'),
  },
  { ...closed, description: 'A custom message: handed to the app, which decides what to show.' },
)
export type MessageBody = Static<typeof MessageBody>

const LiveActivityAlert = Type.Object(
  {
    title: textField('The title on the watch.'),
    body: textField('The text on the watch.'),
    sound: textField('The sound.'),
  },
  { ...closed, description: 'How the user is told of the change.' },
)

/** `body.live_activity` */
export const LiveActivityBody = Type.Object(
  {
    ios: Type.Optional(
      Type.Object(
        {
          event: textField('start, update or end.'),
          'attributes-type': textField("The type of the activity's attributes; needed to start it."),
          'content-state': Type.Optional(freeObject('The new state.')),
          alert: Type.Optional(LiveActivityAlert),
          'dismissal-date': Type.Optional(
            Type.Integer({ description: 'When an ended activity goes, in s.' }),
          ),
          'stale-date': Type.Optional(Type.Integer({ description: 'When the state is out of date, in s.' })),
          attributes: Type.Optional(freeObject('The attributes that do not change.')),
          'relevance-score': Type.Optional(
            Type.Integer({ description: 'Which activity comes first: 1 to 100.' }),
          ),
          'apns-priority': Type.Optional(Type.Integer({ description: '5 or 10.' })),
        },
        { ...closed, description: 'The live activity on iOS.' },
      ),
    ),
  },
  { ...closed, description: 'A live activity of iOS. Not supported yet: answered with 21003.' },
)

/** `body.voip` */
export const VoipBody = freeObject('A call on iOS. Not supported yet: answered with 21003.')
