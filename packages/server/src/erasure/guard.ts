/**
 * The deletion guard of an app: how many users may be deleted one by one within 24 hours. Plain functions on its state;
 * `guard.store.ts` loads it under a lock and saves it, in the transaction that deletes.
 *
 *   quiet -> tripped   somebody asks beyond the budget, and it is not open
 *   tripped -> quiet   time has gone on, and the budget lets a deletion through again
 *   closed -> open     an operator opens it for a number of deletions and a time; they come on top of the budget
 *   open -> closed     they are used up, the time is over, or an operator closes it
 */

import { guardMinimumDefault, guardShareDefault } from '@lethe/protocol/guard.schemas.ts'
import { DAY_MS } from '../kernel/utc-day.ts'

export interface GuardOpening {
  readonly deletions: number
  readonly used: number
  readonly openedAt: number
  readonly until: number
  /** Whether its end has been written down. */
  readonly isClosed: boolean
}

/** Deletions that were let through in one stretch of time, through the budget and through openings. */
export interface GuardSlot {
  readonly startedAt: number
  readonly budget: number
  readonly opening: number
  /** What of the budget is set aside for nodes which have not said yet what they did with it. */
  readonly aside: number
}

export interface Guard {
  readonly appKey: string
  readonly isOff: boolean
  readonly sharePercent: number
  readonly minimum: number
  /** The users that the share is of, and when they were counted; null: never. */
  readonly users: number
  readonly countedAt: number | null
  readonly opening: GuardOpening | null
  readonly trippedAt: number | null
  readonly slots: readonly GuardSlot[]
}

/** The guard of an app that nothing was set for and nobody was deleted from. */
export function newGuard(appKey: string): Guard {
  return {
    appKey,
    isOff: false,
    sharePercent: guardShareDefault,
    minimum: guardMinimumDefault,
    users: 0,
    countedAt: null,
    opening: null,
    trippedAt: null,
    slots: [],
  }
}

/** Uses are counted by stretches of this length, so the window is up to as much longer than 24 hours, never shorter (ours). */
const SLOT_MS = 15 * 60_000
/** After this the users are counted anew before the share is believed (ours): a census of a million takes about a second. */
const CENSUS_VALID_MS = 15 * 60_000
/** While so much is left, a node sets some aside for itself; nearer the end it asks for one at a time (ours). */
const PARTS_FROM = 6_400
const PART_OF_LEFT = 64
/** And never more: what a node that is killed takes with it (ours). */
const PART_MAX = 256
/** While the guard is off, a node asks about as often as what was set aside expires (ours). */
const PART_WHILE_OFF = 1_000_000
/** What was set aside is good for this long by the clock of the database, so that it is spent in the slot of its window (ours). */
export const ALLOWANCE_MS = 5_000

export function isCensusValid({ countedAt }: Guard, now: number): boolean {
  return countedAt !== null && now - countedAt < CENSUS_VALID_MS
}

/** Deletions that the app is let through within 24 hours. Without a valid census that is the minimum. */
export function budgetOf(guard: Guard, now: number): number {
  const share = isCensusValid(guard, now) ? Math.floor((guard.users * guard.sharePercent) / 100) : 0
  return Math.max(guard.minimum, share)
}

/** What of the budget is used. */
export function usedOf(guard: Guard, now: number): number {
  return inWindow(guard, now).reduce((sum, { budget }) => sum + budget, 0)
}

/** All that are known to have been deleted in the window, through the budget or an opening: the share is of these, too. */
export function deletedOf(guard: Guard, now: number): number {
  return inWindow(guard, now).reduce((sum, { budget, opening, aside }) => sum + budget + opening - aside, 0)
}

export function openingOf({ opening }: Guard, now: number): GuardOpening | null {
  return opening !== null && !opening.isClosed && now < opening.until ? opening : null
}

export type GuardEvent = 'tripped' | 'closed'

export interface Asked {
  readonly guard: Guard
  /** How many of the wanted deletions may be done; the others are refused. */
  readonly granted: number
  /** Deletions set aside beyond those that were wanted, and the slot that they are counted in. */
  readonly aside: { readonly count: number; readonly slotAt: number }
  readonly events: readonly GuardEvent[]
  /** False: something was refused without a valid census. Count, and ask again. */
  readonly isCounted: boolean
}

/** Asks for `wanted` deletions. First what is left of the budget is used, then what it was opened for. */
export function askGuard(before: Guard, wanted: number, now: number): Asked {
  if (before.isOff) return letThrough(before, wanted)
  const { guard: open, events } = closeIfOver(before, now)
  const left = leftOf(open, now)
  const fromBudget = Math.min(wanted, left)
  const opening = openingOf(open, now)
  const fromOpening = opening ? Math.min(wanted - fromBudget, opening.deletions - opening.used) : 0
  const granted = fromBudget + fromOpening
  const isCounted = granted === wanted || isCensusValid(open, now)
  const rest = left - fromBudget
  const aside = rest < PARTS_FROM ? 0 : Math.min(PART_MAX, Math.floor(rest / PART_OF_LEFT))
  const slotAt = slotOf(now)
  const used: Guard = {
    ...open,
    slots: addTo(inWindow(open, now), {
      startedAt: slotAt,
      budget: fromBudget + aside,
      opening: fromOpening,
      aside,
    }),
    opening: open.opening && { ...open.opening, used: open.opening.used + fromOpening },
    trippedAt: fromBudget > 0 ? null : open.trippedAt,
  }
  const end = closeIfOver(used, now)
  const isTripping = granted < wanted && isCounted && end.guard.trippedAt === null
  return {
    guard: isTripping ? { ...end.guard, trippedAt: now } : end.guard,
    granted,
    aside: { count: aside, slotAt },
    events: [...events, ...end.events, ...(isTripping ? (['tripped'] as const) : [])],
    isCounted,
  }
}

/** A guard that is off counts nothing. */
function letThrough(guard: Guard, wanted: number): Asked {
  const aside = { count: PART_WHILE_OFF, slotAt: NO_SLOT }
  return { guard: { ...guard, trippedAt: null }, granted: wanted, aside, events: [], isCounted: true }
}

/** No slot begins then: giving it back changes nothing. */
const NO_SLOT = -1

/** Marks an opening that is used up, or whose time is over, as closed. */
export function closeIfOver(guard: Guard, now: number): { guard: Guard; events: readonly GuardEvent[] } {
  const { opening } = guard
  const isOver = opening !== null && (now >= opening.until || opening.used >= opening.deletions)
  if (opening === null || opening.isClosed || !isOver) return { guard, events: [] }
  return { guard: { ...guard, opening: { ...opening, isClosed: true } }, events: ['closed'] }
}

/** What a node did with what was set aside for it: of `count`, `unused` were not used. */
export interface Settled {
  readonly slotAt: number
  readonly count: number
  readonly unused: number
}

/** Takes back what was not used. A slot that has left the window has taken it along. */
export function settle(guard: Guard, { slotAt, count, unused }: Settled): Guard {
  const slots = guard.slots.map((slot) =>
    slot.startedAt === slotAt ? { ...slot, budget: slot.budget - unused, aside: slot.aside - count } : slot,
  )
  return { ...guard, slots }
}

function leftOf(guard: Guard, now: number): number {
  return Math.max(0, budgetOf(guard, now) - usedOf(guard, now))
}

/** A slot counts until all of it, and what was set aside in it, is over 24 hours old. */
function inWindow({ slots }: Guard, now: number): GuardSlot[] {
  return slots.filter(({ startedAt }) => startedAt + SLOT_MS + ALLOWANCE_MS > now - DAY_MS)
}

function slotOf(now: number): number {
  return now - (now % SLOT_MS)
}

function addTo(slots: readonly GuardSlot[], added: GuardSlot): GuardSlot[] {
  if (added.budget + added.opening === 0) return [...slots]
  const same = slots.find(({ startedAt }) => startedAt === added.startedAt)
  const others = slots.filter((slot) => slot !== same)
  return [
    ...others,
    {
      startedAt: added.startedAt,
      budget: (same?.budget ?? 0) + added.budget,
      opening: (same?.opening ?? 0) + added.opening,
      aside: (same?.aside ?? 0) + added.aside,
    },
  ]
}
