// docs/reference/endpoints.md: every method and path with what it does.
import { GENERATED, table } from './markdown.ts'
import type { OpenApi, OpenApiOperation } from './open-api.ts'

interface Endpoint extends OpenApiOperation {
  readonly method: string
  readonly path: string
}

export function endpointsPage(openApi: OpenApi): string {
  const endpoints = Object.entries(openApi.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, operation]) => operation.summary !== undefined)
      .map(([method, operation]): Endpoint => ({ method: method.toUpperCase(), path, ...operation })),
  )
  const groups = Map.groupBy(endpoints, ({ tags }) => tags?.[0] ?? 'Other')
  const sections = [...groups].map(([group, members]) => {
    const rows = members.map(({ method, path, summary, description }) => [
      `\`${method} ${path}\``,
      [summary, description].filter(Boolean).join('. ').replaceAll('\n', ' '),
    ])
    return `## ${group}\n\n${table(['Endpoint', 'What it does'], rows)}`
  })
  return `${GENERATED}
# Endpoints

The whole document, with every field, is served at \`/openapi.json\` and stands in [openapi.json](openapi.json).

${sections.join('\n\n')}
`
}
