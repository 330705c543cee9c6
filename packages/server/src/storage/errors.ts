/** The two ways in which storage can fail a caller; anything else is a fault of the program. */

/** Storage could not be reached or refused to work. Nothing that this call asked for was done. */
export class StorageUnavailable extends Error {
  override readonly name = 'StorageUnavailable'
}

/** The commit was sent and its answer was lost: the write may or may not stand. */
export class OutcomeUnknown extends Error {
  override readonly name = 'OutcomeUnknown'
}
