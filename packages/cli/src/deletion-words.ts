/** What people read of a deletion of many users. */

import type { DeletionAnswer, DeletionState } from '@lethe/protocol/deletion.schemas.ts'
import { figureLines, number } from './audience-commands.ts'
import { wordsOfSeconds } from './duration.ts'
import type { Progress } from './progress-line.ts'

export const isEnded = ({ state }: Pick<DeletionAnswer, 'state'>): boolean =>
  ['done', 'cancelled', 'expired', 'failed'].includes(state)

export function deletionLines(deletion: DeletionAnswer): string[] {
  const { deletion_id, state, users, lines, figures, fingerprint, progress } = deletion
  const begun = deletion.started_at !== null
  return [
    `Deletion     ${deletion_id}`,
    `State        ${state}${whenOf(deletion)}`,
    ...(figures === null
      ? [`Users        ${number(users)}`]
      : figureLines({ ...figures, users, fingerprint: fingerprint ?? 'none: made from a list' })),
    ...(lines === 0 ? [] : [`Lines        ${number(lines)}`]),
    ...(begun
      ? [
          `Deleted      ${number(progress.hidden)}`,
          `Gone before  ${number(progress.gone)}, deleted by others since the plan`,
          `Erased       ${number(progress.erased)}, signed for in ${number(deletion.manifests)} manifests`,
          `${state === 'cancelled' ? 'Spared     ' : 'Left       '}  ${number(progress.left)}`,
        ]
      : []),
  ]
}

function whenOf(deletion: DeletionAnswer): string {
  switch (deletion.state) {
    case 'planned':
      return `, to be confirmed until ${deletion.confirm_until}`
    case 'confirmed':
      return `, begins at ${deletion.starts_at}`
    case 'failed':
      return `: ${FAILURES[deletion.failure ?? 'interrupted']}`
    case 'done':
    case 'cancelled':
    case 'expired':
      return ` at ${deletion.finished_at}`
    default:
      return ''
  }
}

const FAILURES = {
  nobody: 'no live user fits',
  audience_changed: 'the audience has changed since it was checked',
  interrupted: 'the plan was interrupted',
} as const

/** One line of a list. */
export function deletionLine({ deletion_id, planned_at, state, users, progress }: DeletionAnswer): string {
  const done = progress.hidden > 0 ? `, ${number(progress.hidden)} deleted` : ''
  return `${deletion_id}  ${planned_at}  ${state.padEnd(9)}  ${number(users)} users${done}`
}

/** How far it is, for a line that is written over. `now`: milliseconds. */
export function progressOf(deletion: DeletionAnswer, now: number): Progress {
  const { state, users, progress, starts_at } = deletion
  const done = progress.hidden + progress.gone
  switch (state) {
    case 'planning':
      return { words: `planning: ${number(users)} users written down`, stage: 'planning' }
    case 'confirmed': {
      const seconds = Math.max(0, Math.ceil((Date.parse(starts_at ?? '') - now) / 1_000))
      const words = `in grace: begins in ${wordsOfSeconds(seconds)}, can be cancelled until then`
      return { words, stage: `in grace: begins at ${starts_at}` }
    }
    case 'running':
    case 'paused':
      return {
        share: users === 0 ? 1 : done / users,
        words: `${number(done)} of ${number(users)} deleted${paceOf(deletion)}`,
        stage: stageOf(state, users === 0 ? 1 : done / users),
      }
    case 'finishing':
      return {
        share: progress.hidden === 0 ? 1 : progress.erased / progress.hidden,
        words: `all deleted; ${number(progress.erased)} of ${number(progress.hidden)} erased and signed for`,
        stage: 'all deleted; erasures are on their way',
      }
    default:
      return { words: state, stage: state }
  }
}

function paceOf({ state, progress }: DeletionAnswer): string {
  if (state === 'paused') return ', paused'
  const left = progress.seconds_left === null ? '' : `, ${wordsOfSeconds(progress.seconds_left)} left`
  return `, ${number(Math.round(progress.per_second))}/s${left}`
}

/** Where there is no terminal, every tenth is enough. */
function stageOf(state: DeletionState, share: number): string {
  return state === 'paused' ? 'paused' : `running: ${Math.floor(share * 10) * 10} %`
}
