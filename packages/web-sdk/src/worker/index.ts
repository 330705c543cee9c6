/**
 * The worker's part of Lethe, loaded by the site's own file: `importScripts('https://push.example.com/sdk/lethe-worker.js')`.
 * The browser has decrypted a message before it comes here.
 */

import { clicked, shownAndReported, subscriptionChanged } from './worker.ts'

declare const self: ServiceWorkerGlobalScope

self.addEventListener('install', () => void self.skipWaiting())
self.addEventListener('push', (event) => event.waitUntil(shownAndReported(self, event.data?.text())))
self.addEventListener('notificationclick', (event) => event.waitUntil(clicked(self, event)))
self.addEventListener('pushsubscriptionchange', (event) =>
  event.waitUntil(subscriptionChanged(self, event as PushSubscriptionChangeEvent)),
)
