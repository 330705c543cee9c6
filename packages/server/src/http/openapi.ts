/** How a route is described in the OpenAPI document. The schemas are the ones that check and write the real thing. */

import { ErrorBody } from '@lethe/protocol/errors.ts'
import type { OperationSchema } from '../kernel/operation.ts'
import type { Access, Route } from './route.ts'

/** The document apart from its paths. */
export function openApiFrame(version: string) {
  return {
    openapi: '3.1.0' as const,
    info: {
      title: 'Lethe',
      version,
      description:
        'A self-hosted push server that can forget. Wire compatible with the EngageLab Push API v4.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    tags: [KINDS.server, KINDS.client, KINDS.operator, KINDS.open].map(({ tag, description }) => ({
      name: tag,
      description,
    })),
    components: {
      securitySchemes: {
        app: {
          type: 'http' as const,
          scheme: 'basic',
          description: 'The app key as user name, the master secret as password.',
        },
        device: { type: 'http' as const, scheme: 'bearer', description: 'The device secret of the user.' },
        operator: { type: 'http' as const, scheme: 'bearer', description: 'The operator token.' },
      },
    },
  }
}

/** The schema that goes with a route: for its description, and for writing its answers. */
export function schemaOf({ operation, access }: Route) {
  const { id, summary, description, schema } = operation
  const { tag, security } = KINDS[access]
  return {
    ...(access === 'demo' ? { hide: true } : {}),
    operationId: id,
    summary,
    ...(description === undefined ? {} : { description }),
    tags: [tag],
    security,
    ...(schema.params ? { params: schema.params } : {}),
    ...(schema.query ? { querystring: schema.query } : {}),
    ...(schema.headers ? { headers: schema.headers } : {}),
    ...(schema.body ? { body: schema.body } : {}),
    response: { ...answersOf(schema.answers), default: ErrorBody },
  }
}

/** An answer that is not JSON says so by `contentMediaType`. */
function answersOf(answers: OperationSchema['answers']): Record<string, unknown> {
  const entries = Object.entries(answers).map(([status, schema]) => {
    const { contentMediaType, description } = schema as { contentMediaType?: string; description?: string }
    if (contentMediaType === undefined) return [status, schema]
    return [status, { description, content: { [contentMediaType]: { schema } } }]
  })
  return Object.fromEntries(entries)
}

interface Kind {
  readonly tag: string
  readonly description: string
  readonly security: { [scheme: string]: string[] }[]
}

const KINDS: Readonly<Record<Access, Kind>> = {
  server: {
    tag: 'Server API',
    description: 'For the servers of the customer.',
    security: [{ app: [] }],
  },
  client: {
    tag: 'Client API',
    description: "For a user's own browser or phone. Calls that name a user need its device secret.",
    security: [{ device: [] }, {}],
  },
  operator: {
    tag: 'Operator API',
    description: 'For whoever runs the server.',
    security: [{ operator: [] }],
  },
  open: { tag: 'Server', description: 'For everybody.', security: [] },
  demo: { tag: 'Demo', description: 'For the page of the demo.', security: [] },
}
