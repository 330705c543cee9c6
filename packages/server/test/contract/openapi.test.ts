import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Access, Route } from '../../src/http/route.ts'
import { createRoutes } from '../../src/http/routes.ts'
import { startTestApp } from '../support/app.ts'

interface Described {
  readonly operationId: string
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> }
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: TSchema }>> }>
  >
  readonly security: readonly object[]
}

/** The routing table. Operations are made, not called, so they need nothing of what they would use. */
const routes: readonly Route[] = createRoutes({ erasure: { signingKeys: {} }, push: {} } as never)

function pathOf({ path }: Route): string {
  return path.replace(/:(\w+)/g, '{$1}')
}

describe('the OpenAPI document', () => {
  let document: { openapi: string; paths: Record<string, Record<string, Described>> }
  const described = (route: Route): Described => {
    const found = document.paths[pathOf(route)]?.[route.method.toLowerCase()]
    assert.ok(found, `${route.method} ${route.path}`)
    return found
  }

  before(async () => {
    const t = await startTestApp()
    const answer = await t.app.http.inject('/openapi.json')
    await t.close()
    assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
    document = answer.json()
  })

  test('is valid OpenAPI 3.1', async () => {
    assert.match(document.openapi, /^3\.1\./)
    const validator = new Validator()
    const { valid, errors } = await validator.validate(structuredClone(document) as Record<string, unknown>)
    assert.ok(valid, JSON.stringify(errors, null, 2))
    assert.equal(validator.version, '3.1')
    const broken = await new Validator().validate({ ...document, info: { title: 'no version' } })
    assert.equal(broken.valid, false)
  })

  test('has every route of the routing table, and no other', () => {
    const written = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    assert.deepEqual(written.sort(), routes.map((route) => `${route.method} ${pathOf(route)}`).sort())
  })

  test('names the parameters, the body and the credentials of every route', () => {
    const security: Record<Access, readonly object[]> = {
      server: [{ app: [] }],
      client: [{ device: [] }, {}],
      operator: [{ operator: [] }],
      open: [],
      demo: [],
    }
    for (const route of routes) {
      const one = described(route)
      const inPath = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name)
      const parameters = (one.parameters ?? []).filter((parameter) => parameter.in === 'path')
      assert.deepEqual(
        parameters.map(({ name, required }) => required && name),
        inPath,
        one.operationId,
      )
      assert.deepEqual(one.security, security[route.access], one.operationId)
      const bodyTypes = Object.keys(one.requestBody?.content ?? {})
      assert.deepEqual(bodyTypes, route.operation.schema.body ? ['application/json'] : [], one.operationId)
    }
  })

  test('describes the error answer of every route as it is given', async () => {
    const t = await startTestApp()
    for (const route of routes) {
      const { responses, operationId } = described(route)
      const schema = responses['default']?.content['application/json']?.schema
      assert.ok(schema, operationId)
      const check = Compile(schema)
      for (const [what, given] of wrongCalls(route)) {
        const answer = await t.app.http.inject({ method: route.method, ...given })
        if (answer.statusCode < 400) continue
        assert.ok(check.Check(answer.json()), `${operationId}, ${what}: ${answer.body}`)
      }
      assert.ok(
        !check.Check({ code: 1, message: 'flat' }) && !check.Check({ error: { code: '1', message: '' } }),
      )
    }
    await t.close()
  })

  test('describes successful answers by status', () => {
    for (const route of routes) {
      const { responses, operationId } = described(route)
      const statuses = Object.keys(responses).filter((status) => status !== 'default')
      assert.deepEqual(statuses, Object.keys(route.operation.schema.answers), operationId)
    }
  })
})

type Given = { url: string; headers?: Record<string, string>; payload?: string }

/** Without credentials, with those of nobody, with a body that is none, for nobody's app. */
function wrongCalls(route: Route): [what: string, given: Given][] {
  const url = route.path.replace(':app_key', 'aladdin').replace(/:\w+/g, 'x')
  const authorization = `Basic ${Buffer.from('nobody:secret').toString('base64')}`
  const broken = { headers: { 'content-type': 'application/json' }, payload: '{' }
  return [
    ['without credentials', { url }],
    ['with wrong credentials', { url, headers: { authorization } }],
    ['with a broken body', { url, ...(route.operation.schema.body ? broken : {}) }],
    ['of an unknown app', { url: url.replace('aladdin', 'nobody') }],
  ]
}
