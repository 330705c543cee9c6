/** What the service worker does when something happens. It may change the subscription of the user it knows, and makes no user. */

import type { MessageEvent } from '@lethe/protocol/statistics.schemas.ts'
import type { WebMessage } from '@lethe/protocol/web-message.ts'
import { channelNameOf } from '../names.ts'
import type { Signal } from '../signals.ts'
import { type AppOfWorker, appOf } from './app-of.ts'
import { notificationOf, type PushedMessage, parseMessage, urlOf } from './notification.ts'

/** A send is known to the server a moment after it was sent: an event that was too early is reported again (ours). */
const REPORT_AGAIN_MS = [3_000, 15_000]

export async function shownAndReported(
  worker: ServiceWorkerGlobalScope,
  text: string | undefined,
): Promise<void> {
  const message = parseMessage(text)
  const { hostname } = worker.location
  // Chromium shows a notice of its own, with words of its own, for a push that shows nothing.
  if (!message) return worker.registration.showNotification(hostname)
  const app = await appOf(worker.registration.scope).catch(() => undefined)
  const isForPage = message.kind === 'message' && (await isSeen(worker))
  if (!isForPage) {
    const { title, options } = notificationOf(message, hostname)
    await worker.registration.showNotification(title, options)
  }
  tell(app, { type: 'message', message: withoutToken(message), via: 'push' })
  await report(app, message, message.kind === 'message' ? 'delivered' : 'shown')
}

export async function clicked(
  worker: ServiceWorkerGlobalScope,
  { notification, action }: NotificationEvent,
): Promise<void> {
  notification.close()
  const { message, token } = (notification.data ?? {}) as { message?: WebMessage; token?: string }
  const app = await appOf(worker.registration.scope).catch(() => undefined)
  const url = (message && urlOf(message, action)) ?? app?.config.openUrl
  await open(worker, url)
  if (!message) return
  tell(app, { type: 'click', message, action })
  await report(app, { ...message, ...(token !== undefined && { event_token: token }) }, 'clicked')
}

/**
 * The browser has another subscription for the user, or none any more. The worker makes none: in Firefox this happens while
 * the visitor clears the site's data, and a subscription that was made now would be left over. The page makes one at the
 * next visit.
 */
export async function subscriptionChanged(
  worker: ServiceWorkerGlobalScope,
  { newSubscription }: Pick<PushSubscriptionChangeEvent, 'newSubscription'>,
): Promise<void> {
  const { pushManager, scope } = worker.registration
  const subscription = newSubscription ?? (await pushManager.getSubscription())
  const app = await appOf(scope)
  if (!subscription || !app?.user) return
  const { registrationId, deviceSecret } = app.user
  await fetch(`${app.config.appUrl}/registrations/${registrationId}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${deviceSecret}`, 'content-type': 'application/json' },
    body: JSON.stringify({ subscription }),
  })
}

async function isSeen({ clients }: ServiceWorkerGlobalScope): Promise<boolean> {
  const pages = await clients.matchAll({ type: 'window', includeUncontrolled: true })
  return pages.some(({ visibilityState }) => visibilityState === 'visible')
}

/** Focuses the page that is there already, or opens it. */
async function open(worker: ServiceWorkerGlobalScope, to: string | undefined): Promise<void> {
  const url = URL.parse(to ?? '', worker.registration.scope)
  if (!url || !/^https?:$/.test(url.protocol)) return
  const pages = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true })
  const present = pages.find((page) => page.url === url.href)
  if (present) await present.focus()
  else await worker.clients.openWindow(url.href)
}

function tell(app: AppOfWorker | undefined, signal: Signal): void {
  if (!app || !('BroadcastChannel' in globalThis)) return
  const channel = new BroadcastChannel(channelNameOf(app.config.appKey))
  channel.postMessage(signal)
  channel.close()
}

function withoutToken({ event_token: _token, ...message }: PushedMessage): WebMessage {
  return message as WebMessage
}

/** What cannot be reported is not counted, and is no fault of anybody who could do something about it. */
async function report(
  app: AppOfWorker | undefined,
  { msg_id, event_token: token }: PushedMessage,
  event: MessageEvent,
): Promise<void> {
  if (!app?.user || token === undefined) return
  const url = `${app.config.appUrl}/registrations/${app.user.registrationId}/events`
  const body = JSON.stringify({ events: [{ msg_id, event }], token })
  for (const waitMs of [...REPORT_AGAIN_MS, 0]) {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(url, { method: 'POST', headers, body, keepalive: true }).catch(() => undefined)
    if (answer && (answer.status < 500 ? !answer.headers.has('lethe-skipped') : false)) return
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
  }
}
