import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTimeZone } from './time-zone.ts'

test('every zone that the library lists is accepted under its own name', () => {
  for (const zone of Intl.supportedValuesOf('timeZone'))
    assert.deepEqual(parseTimeZone(zone), { ok: true, value: zone })
})

test('a zone keeps the name that was sent, and its spelling is corrected', () => {
  for (const [given, kept] of [
    ['Asia/Kolkata', 'Asia/Kolkata'],
    ['Europe/Kyiv', 'Europe/Kyiv'],
    ['europe/berlin', 'Europe/Berlin'],
    ['utc', 'UTC'],
    ['Etc/GMT+3', 'Etc/GMT+3'],
    ['Japan', 'Japan'],
  ] as const) {
    assert.deepEqual(parseTimeZone(given), { ok: true, value: kept })
  }
})

test('offsets and unknown names are refused', () => {
  for (const text of [
    '',
    '+01:00',
    '-0800',
    '+1',
    'Mars/Olympus',
    'Europe/Berlin ',
    '../etc/passwd',
    'GMT+1',
  ]) {
    assert.equal(parseTimeZone(text).ok, false, text)
  }
})
