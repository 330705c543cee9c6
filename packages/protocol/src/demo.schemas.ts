/** What the page of the demo asks its own server. No part of the API. */
import { type Static, Type } from 'typebox'
import { closed } from './fields.ts'

/** GET /demo/config.json */
export const DemoConfigAnswer = Type.Object(
  { appKey: Type.String({ description: 'The key of the first app.' }) },
  { ...closed, description: 'What the page must know to start.' },
)
export type DemoConfigAnswer = Static<typeof DemoConfigAnswer>

/** POST /demo/push */
export const DemoPushBody = Type.Object(
  {
    registration_id: Type.String({ description: 'The visitor, to whom the push goes.' }),
    title: Type.String({ description: 'The title of the notification.' }),
    body: Type.String({ description: 'Its text.' }),
    url: Type.Optional(Type.String({ description: 'The page that a click opens; absent: the demo.' })),
  },
  { ...closed, description: 'A push of a visitor to itself.' },
)
export type DemoPushBody = Static<typeof DemoPushBody>

export const DemoPushAnswer = Type.Object(
  { msg_id: Type.String({ description: 'The id of the message.' }) },
  { ...closed, description: 'The push is accepted.' },
)
export type DemoPushAnswer = Static<typeof DemoPushAnswer>
