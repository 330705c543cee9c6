import assert from 'node:assert/strict'
import { test } from 'node:test'
import { notificationPermissions, parseNotificationPermission } from './notification-permission.ts'

test('the three words of browsers are accepted and nothing else', () => {
  for (const word of notificationPermissions) {
    assert.deepEqual(parseNotificationPermission(word), { ok: true, value: word })
  }
  for (const word of ['', 'prompt', 'Granted']) assert.equal(parseNotificationPermission(word).ok, false)
})
