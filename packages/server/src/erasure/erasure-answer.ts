/** An erasure as it is told to those who may watch it. */

import type { ErasureAnswer, ErasureState } from '@lethe/protocol/erasure.schemas.ts'
import type { ErasureRow } from './erasure.store.ts'

export function wireErasure(erasure: ErasureRow): ErasureAnswer {
  return {
    erasure_id: erasure.erasure_id,
    state: wireState(erasure),
    hidden_at: wireTime(erasure.accepted_at),
    removed_at: erasure.removed_at === null ? null : wireTime(erasure.removed_at),
    erased_at: erasure.erased_at === null ? null : wireTime(erasure.erased_at),
    attempts: erasure.attempts,
    removed: erasure.removed === null ? null : (JSON.parse(erasure.removed) as Record<string, number>),
    receipt: erasure.receipt,
  }
}

/** An accepted erasure that was tried before is being removed; sealing is the end of verifying. */
export function wireState({ state, attempts }: Pick<ErasureRow, 'state' | 'attempts'>): ErasureState {
  switch (state) {
    case 'accepted':
      return attempts > 0 ? 'removing' : 'accepted'
    case 'verifying':
    case 'sealing':
      return 'verifying'
    case 'erased':
      return 'erased'
  }
}

function wireTime(ms: number): string {
  return new Date(ms).toISOString()
}
