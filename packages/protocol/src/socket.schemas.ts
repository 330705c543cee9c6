/** The frames of a user's own socket, each one JSON text. What they mean, and when which is sent, is told in the guide. */
import { type Static, Type } from 'typebox'
import { closed, RegistrationId } from './fields.ts'
import { deviceSecretCharactersMax, pingSeconds, receivedIdsMax, socketEvents } from './socket.ts'

const MessageId = Type.String({
  pattern: '^[1-9][0-9]{0,15}$',
  description: 'The id of a message, decimal, below 2^53.',
})

export const HelloFrame = Type.Object(
  {
    type: Type.Literal('hello', { description: 'The first frame of the client, and never a later one.' }),
    registration_id: RegistrationId,
    device_secret: Type.String({
      minLength: 1,
      maxLength: deviceSecretCharactersMax,
      description: 'The secret that the registration was answered with.',
    }),
    received: Type.Optional(
      Type.Array(MessageId, {
        maxItems: receivedIdsMax,
        description: `The last messages that the client has, at most ${receivedIdsMax}: they are not sent again.`,
      }),
    ),
  },
  { ...closed, description: 'Client: who it is.' },
)
export type HelloFrame = Static<typeof HelloFrame>

export const AckFrame = Type.Object(
  {
    type: Type.Literal('ack', { description: 'The client has the message and will not lose it.' }),
    msg_id: MessageId,
  },
  { ...closed, description: 'Client: a message arrived.' },
)
export type AckFrame = Static<typeof AckFrame>

export const EventFrame = Type.Object(
  {
    type: Type.Literal('event', { description: 'What became of a message.' }),
    msg_id: MessageId,
    event: Type.Enum([...socketEvents], {
      description: 'What happened. It acknowledges the message as well, if that was not done.',
    }),
  },
  { ...closed, description: 'Client: the user was shown a message, or clicked it.' },
)
export type EventFrame = Static<typeof EventFrame>

export const WelcomeFrame = Type.Object(
  {
    type: Type.Literal('welcome', { description: 'The user is known: messages follow.' }),
    ping_seconds: Type.Integer({
      description: `A client that says nothing for so long is pinged (${pingSeconds}); after two pings without a pong the socket ends.`,
    }),
  },
  { ...closed, description: 'Server: the answer to hello.' },
)
export type WelcomeFrame = Static<typeof WelcomeFrame>

export const MessageFrame = Type.Object(
  {
    type: Type.Literal('message', { description: 'A message for the user.' }),
    message: Type.Object(
      { msg_id: MessageId },
      {
        additionalProperties: true,
        description: 'What a worker reads out of a Web Push, and of apps the like.',
      },
    ),
  },
  { ...closed, description: 'Server: a message. It comes again if it is not acknowledged.' },
)
export type MessageFrame = Static<typeof MessageFrame>

export const WithdrawFrame = Type.Object(
  {
    type: Type.Literal('withdraw', { description: 'A message is to be taken down.' }),
    msg_id: MessageId,
  },
  { ...closed, description: 'Server: a message that this client has was withdrawn.' },
)
export type WithdrawFrame = Static<typeof WithdrawFrame>
