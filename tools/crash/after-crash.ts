// What is asked of the server over HTTP once it is back: callers repeat what got no answer, every deletion is followed to
// its end, deleted users are looked for in every way, and everybody else is read.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Dice } from './dice.ts'
import type { Deleted, Household } from './household.ts'
import { type Answer, type Call, clientPath, type Http } from './http.ts'
import { type CallerEnd, describe } from './load.ts'
import { lateCalls, type Step } from './steps.ts'

export type Caller = {
  household: Household
  /** Still open: happened or not, as one sees in the database. */
  pending: Step | undefined
}

export type Observed = {
  /** Answers of the two reads of each user, by id. */
  devices: Map<string, { server: Answer; self: Answer | undefined }>
  tagsCount: Record<string, number>
  quota: { useTagQuota: number; useAliasQuota: number }
}

/** From the restart until the last of the deletions has its receipt: the goal is a minute for those that nothing delays. */
const erasedTimeoutMs = 90_000
const pollMs = 100

/** Repeats or asks, as a caller would who lost an answer. */
export async function settle(http: Http, { household, pending }: CallerEnd): Promise<Caller> {
  switch (pending?.unanswered) {
    case 'repeat': {
      const answer = await http.ask(pending.call)
      const complaint = pending.judge(answer)
      if (complaint !== undefined) throw new Error(`repeated: ${describe(pending, answer, complaint)}`)
      return { household: pending.after(household, answer), pending: undefined }
    }
    case 'ask': {
      const id = pending.call.path.split('/').at(-1)
      const answer = await http.ask({ method: 'GET', path: `/v4/devices/${id}/erasure`, as: 'server' })
      if (answer.status === 404) return { household, pending: undefined }
      const { erasure_id } = answer.body as { erasure_id: string }
      const withId = { ...answer, headers: { 'lethe-erasure': erasure_id } }
      return { household: pending.after(household, withId), pending: undefined }
    }
    default:
      return { household, pending }
  }
}

/** Waits until every deletion has its receipt, and notes it. */
export async function followToErased(
  http: Http,
  household: Household,
  complaints: string[],
): Promise<Household> {
  const deadline = performance.now() + erasedTimeoutMs
  const deleted: Deleted[] = []
  for (const one of household.deleted) {
    const receipt = one.receipt ?? (await receiptOf(http, one, deadline))
    if (receipt === undefined) complaints.push(`the erasure ${one.erasureId} does not become erased`)
    deleted.push(receipt === undefined ? one : { ...one, receipt })
  }
  return { ...household, deleted }
}

async function receiptOf(http: Http, { erasureId }: Deleted, deadline: number): Promise<string | undefined> {
  for (;;) {
    const answer = await http.ask({ method: 'GET', path: `/v4/erasures/${erasureId}`, as: 'server' })
    const { state, receipt } = answer.body as { state?: string; receipt?: string | null }
    if (answer.status === 200 && state === 'erased' && receipt) return receipt
    if (performance.now() > deadline) return undefined
    await sleep(pollMs)
  }
}

/**
 * Looks for deleted users in every way: all of this round, and at most `earlierMax` of those that were known to be
 * deleted before it, whose receipts must be the same as ever.
 */
export async function lookForDeleted(
  http: Http,
  household: Household,
  input: { knownCount: number; earlierMax: number; dice: Dice },
): Promise<string[]> {
  const { knownCount, earlierMax, dice } = input
  const known = household.deleted.slice(0, knownCount)
  const earlier = known.length === 0 ? [] : Array.from({ length: earlierMax }, () => dice.pick(known))
  const complaints: string[] = []
  for (const deleted of [...household.deleted.slice(knownCount), ...earlier]) {
    for (const { call, judge } of lateCalls(deleted)) {
      const answer = await http.ask(call)
      const complaint = judge(answer)
      if (complaint !== undefined) complaints.push(describe({ call }, answer, complaint))
    }
  }
  for (const { erasureId, receipt } of earlier) {
    const answer = await http.ask({ method: 'GET', path: `/v4/erasures/${erasureId}`, as: 'server' })
    if ((answer.body as { receipt: string }).receipt !== receipt)
      complaints.push(`the receipt of the erasure ${erasureId} has changed`)
  }
  return complaints
}

/** Reads every user in both ways, and the counts of the app. */
export async function observe(http: Http, households: readonly Household[]): Promise<Observed> {
  const devices: Observed['devices'] = new Map()
  const readAll = async (household: Household) => {
    for (const { id, secret } of household.users.values()) {
      const server = await http.ask({ method: 'GET', path: `/v4/devices/${id}`, as: 'server' })
      const own: Call | undefined =
        secret === undefined ? undefined : { method: 'GET', path: clientPath(`/${id}`), as: { secret } }
      devices.set(id, { server, self: own && (await http.ask(own)) })
    }
  }
  await Promise.all(households.map(readAll))
  const { tags } = (await http.ask({ method: 'GET', path: '/v4/tags', as: 'server' })).body as {
    tags: string[]
  }
  const counts: Record<string, number> = {}
  if (tags.length > 0) {
    const path = `/v4/tags_count?platform=all&tags=${tags.map(encodeURIComponent).join(',')}`
    const answer = await http.ask({ method: 'GET', path, as: 'server' })
    Object.assign(counts, (answer.body as { tagsCount: Record<string, number> }).tagsCount)
  }
  const quota = await http.ask({ method: 'GET', path: '/v4/tags/quota-info', as: 'server' })
  return { devices, tagsCount: counts, quota: (quota.body as { data: Observed['quota'] }).data }
}
