/** A deletion of many users as the operator API tells it. */

import type { DeletionAnswer, DeletionSource } from '@lethe/protocol/deletion.schemas.ts'
import type { PlanFigures } from './plan-deletion.ts'
import type { DeletionRow } from './read.store.ts'

/** `now`: the database's clock, by which the row was written. */
export function deletionAnswer(row: DeletionRow, now: number): DeletionAnswer {
  return {
    deletion_id: row.deletion_id,
    app_key: row.app_key,
    state: row.state,
    source: SOURCES[row.source],
    failure: row.failure === 'audienceChanged' ? 'audience_changed' : row.failure,
    users: row.target_count,
    lines: row.line_count,
    needs_app_name: row.is_everyone === 1,
    figures: figuresOf(row),
    fingerprint: row.fingerprint,
    progress: progressOf(row, now),
    manifests: row.manifest_count,
    planned_at: wireTime(row.created_at),
    confirm_until: optionalTime(row.token_expires_at),
    confirmed_at: optionalTime(row.confirmed_at),
    starts_at: optionalTime(row.starts_at),
    started_at: optionalTime(row.started_at),
    finished_at: optionalTime(row.finished_at),
  }
}

const SOURCES: Readonly<Record<DeletionRow['source'], DeletionSource>> = {
  audience: 'audience',
  registrationIds: 'registration_ids',
  aliases: 'aliases',
}

function figuresOf({ figures }: DeletionRow): DeletionAnswer['figures'] {
  if (figures === null) return null
  const { liveUsers, byPlatform, reachable } = JSON.parse(figures) as PlanFigures
  return {
    live_users: liveUsers,
    by_platform: byPlatform,
    reachable: {
      users: reachable.users,
      by_platform: reachable.byPlatform,
      by_channel: reachable.byChannel,
    },
  }
}

function progressOf(row: DeletionRow, now: number): DeletionAnswer['progress'] {
  const left = row.target_count - row.hidden_count - row.gone_count
  const perSecond = row.state === 'running' ? paceOf(row, now) : 0
  return {
    hidden: row.hidden_count,
    gone: row.gone_count,
    erased: row.erased_count,
    left,
    per_second: Math.round(perSecond * 10) / 10,
    seconds_left: perSecond > 0 ? Math.ceil(left / perSecond) : null,
  }
}

function paceOf({ pace_since, hidden_count, pace_hidden }: DeletionRow, now: number): number {
  if (pace_since === null || now <= pace_since) return 0
  return ((hidden_count - pace_hidden) * 1_000) / (now - pace_since)
}

function wireTime(ms: number): string {
  return new Date(ms).toISOString()
}

function optionalTime(ms: number | null): string | null {
  return ms === null ? null : wireTime(ms)
}
