/** What whoever runs the server asks of it: is it there, can it work, how does it do, what can it do. */

import { Type } from 'typebox'
import { type Operation, operation } from '../kernel/operation.ts'
import { answer } from '../kernel/reply.ts'

export interface HealthDeps {
  /** Rejects when the database does not answer. */
  readonly ping: () => Promise<void>
  /** Each gives a sentence for everything that needs an operator's eye. */
  readonly warnings: readonly (() => Promise<readonly string[]>)[]
}

export interface MetricsDeps {
  readonly registry: { readonly contentType: string; metrics(): Promise<string> }
}

const Health = Type.Object(
  { status: Type.Literal('ok', { description: 'Always ok: whoever gets no answer knows the rest.' }) },
  { description: 'The process answers.' },
)

const Readiness = Type.Object(
  {
    status: Type.Literal('ok', { description: 'The server works.' }),
    warnings: Type.Array(Type.String({ description: 'A sentence for the operator.' }), {
      description: 'What needs an eye though the server works.',
    }),
  },
  { description: 'The server and its database answer.' },
)

/** `contentMediaType` puts it into the OpenAPI document as what it is. */
const PrometheusText = Type.String({
  contentMediaType: 'text/plain',
  description: 'The text format of Prometheus.',
})

/** Says that the process answers. Asks nobody, so it says nothing of the database. */
export function readHealth(): Operation {
  const healthy = answer({ status: 'ok' })
  return operation({
    id: 'readHealth',
    summary: 'Tell whether the process answers',
    schema: { answers: { 200: Health } },
    handle: () => healthy,
  })
}

/** A database that does not answer is a 503, by way of the exception of `ping`. */
export function readReadiness({ ping, warnings }: HealthDeps): Operation {
  return operation({
    id: 'readReadiness',
    summary: 'Tell whether the server can work',
    description: '503 when the database does not answer. Warnings leave the status at 200.',
    schema: { answers: { 200: Readiness } },
    handle: async () => {
      await ping()
      const said = await Promise.all(warnings.map((warn) => warn()))
      return answer({ status: 'ok', warnings: said.flat() })
    },
  })
}

export function readMetrics({ registry }: MetricsDeps): Operation {
  return operation({
    id: 'readMetrics',
    summary: 'Metrics for Prometheus',
    schema: { answers: { 200: PrometheusText } },
    handle: async () => answer(await registry.metrics(), { 'content-type': registry.contentType }),
  })
}

/** `document` gives the OpenAPI document, which exists once every route is known. */
export function readOpenApi(document: () => unknown): Operation {
  return operation({
    id: 'readOpenApi',
    summary: 'This document',
    schema: { answers: { 200: Type.Unknown({ description: 'The OpenAPI document of this server.' }) } },
    handle: () => answer(document()),
  })
}
