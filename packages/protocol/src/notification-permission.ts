/** What the user has answered to the question whether notifications may be shown (the words of the Notifications API). */
import { accepted, type Parsed, refused } from './parsed.ts'

export const notificationPermissions = ['granted', 'denied', 'default'] as const

export type NotificationPermission = (typeof notificationPermissions)[number]

export function parseNotificationPermission(text: string): Parsed<NotificationPermission> {
  const permission = notificationPermissions.find((known) => known === text)
  if (permission !== undefined) return accepted(permission)
  return refused(`the notification permission is one of ${notificationPermissions.join(', ')}`)
}
