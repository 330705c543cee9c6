import assert from 'node:assert/strict'
import { test } from 'node:test'
import { banner } from '../src/banner.ts'

function demoLine(address: string, more: { publicUrl?: string; hasDemo?: boolean } = {}): string | undefined {
  const settings = { databaseUrl: undefined, dataDir: './data', publicUrl: more.publicUrl }
  const text = banner(settings, { address, firstStart: {}, hasDemo: more.hasDemo ?? true })
  return /^Demo +(\S+)$/m.exec(text)?.[1]
}

test('the demo is named so that browsers let it have push: by localhost, or by the public address', () => {
  assert.equal(demoLine('http://127.0.0.1:7300'), 'http://localhost:7300/demo')
  assert.equal(demoLine('http://[::1]:7300'), 'http://localhost:7300/demo')
  assert.equal(demoLine('http://0.0.0.0:7300'), 'http://localhost:7300/demo')
  assert.equal(demoLine('http://[::]:80'), 'http://localhost:80/demo')
  assert.equal(demoLine('http://192.0.2.1:7300'), 'http://192.0.2.1:7300/demo')
  const publicUrl = 'https://push.example.com/lethe'
  assert.equal(demoLine('http://127.0.0.1:7300', { publicUrl }), 'https://push.example.com/lethe/demo')
})

test('without a demo there is no such line', () => {
  assert.equal(demoLine('http://127.0.0.1:7300', { hasDemo: false }), undefined)
})
