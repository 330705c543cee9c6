/** Everything that an app uses of Lethe. */

export {
  AppClient,
  type AppClientEvents,
  type AppClientOptions,
  type ChangeOutcome,
  type ClientStorage,
  type DeviceFacts,
} from './app-client.ts'
export { ClientApi, type ClientApiOptions, type Credentials } from './client-api.ts'
export { LetheError, type LetheErrorDetails, type LetheErrorReason } from './lethe-error.ts'
export { OwnSocket, type OwnSocketOptions, type SocketEnd } from './own-socket.ts'
export type { Fetch, FetchInit, FetchResponse, OpenSocket, SocketLike } from './runtime.ts'
