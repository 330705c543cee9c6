/** Requests to the outside as tests make them. */

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { createOutbound, type OutboundOptions } from '../../src/channels/outbound/create-outbound.ts'
import {
  type Outbound,
  OutboundError,
  type OutboundFailure,
  type OutboundRequest,
} from '../../src/channels/outbound/outbound.ts'
import { certificate } from './https-servers.ts'

/** Trusts the servers of `https-servers.ts`, and is closed after the test. */
export function outboundFor(t: TestContext, options: Partial<OutboundOptions> = {}): Outbound {
  const outbound = createOutbound({ allowPrivateNetwork: true, ca: certificate.cert, ...options })
  t.after(() => outbound.close())
  return outbound
}

/** With a deadline after three seconds, unless another is given. */
export function request(origin: string, more: Partial<OutboundRequest> = {}): OutboundRequest {
  const signal = AbortSignal.timeout(3_000)
  return { origin, method: 'POST', path: '/', headers: {}, body: Buffer.from('body'), signal, ...more }
}

/** Why a request fails; a request that does not fail fails the test. */
export async function failureOf(promise: Promise<unknown>): Promise<OutboundFailure> {
  try {
    await promise
  } catch (error) {
    assert.ok(error instanceof OutboundError, String(error))
    return error.failure
  }
  return assert.fail('the request did not fail')
}
