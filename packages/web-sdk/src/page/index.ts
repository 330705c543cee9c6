/** The page's part of Lethe, as an ES module. */

export { LetheError, type LetheErrorReason } from '@lethe/client/lethe-error.ts'
export type { WebMessage } from '@lethe/protocol/web-message.ts'
export type { Permission } from './browser-push.ts'
export { init, type Lethe } from './lethe.ts'
export type {
  InitOptions,
  LetheEvents,
  MessageDetail,
  State,
  UnavailableReason,
} from './options.ts'
