// size: one suite, told once and run on both engines.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { ChannelsAnswer } from '@lethe/protocol/channel.schemas.ts'
import { APP_KEY } from '../support/app.ts'
import { forEachEngine } from '../support/engines.ts'
import { type SocketApp, startSocketApp, untilErased } from '../support/socket-app.ts'
import { subscriptionAt } from '../support/subscription.ts'
import { tablesDigest } from '../support/tables-digest.ts'
import { type Answer, assertAnswer, type Sent } from '../support/wire.ts'

const APP = `/client/v1/apps/${APP_KEY}`
const REGISTRATIONS = `${APP}/registrations`
const SUCCESS = '{"success":true}'
const GONE = '{"error":{"code":20101,"message":"the user with this registration id was deleted"}}'
const UNKNOWN = '{"error":{"code":20101,"message":"registration id is unknown to this app"}}'
const MISSING = '{"error":{"code":27001,"message":"verification information is missing"}}'
const WRONG = '{"error":{"code":21004,"message":"verification failed: the credentials are wrong"}}'
const ONE_ID =
  '{"error":{"code":21003,"message":"one registration id per request: 1 to 64 characters of A-Z a-z 0-9 _ -"}}'
const CHALLENGE = { 'www-authenticate': 'Bearer realm="Lethe"' }
const FCM = `${'f'.repeat(22)}:${'x'.repeat(30)}`
const APNS = 'ab'.repeat(32)

interface User {
  readonly id: string
  readonly secret: string
  /** One call by the user's own client. */
  call(method: 'GET' | 'PUT' | 'DELETE', body?: unknown): Promise<Answer>
}

function post(server: SocketApp, body: unknown, sent?: Sent): Promise<Answer> {
  return server.callAsNobody(`POST ${REGISTRATIONS}`, body, sent)
}

async function register(server: SocketApp, body: unknown, sent?: Sent): Promise<User> {
  const answer = await post(server, body, sent)
  assertAnswer(answer, { status: 201, body: answer.body })
  const parsed = JSON.parse(answer.body) as { registration_id: string; device_secret: string }
  assert.deepEqual(Object.keys(parsed), ['registration_id', 'device_secret'])
  assert.match(parsed.registration_id, /^[A-Za-z0-9_-]{22,64}$/)
  assert.match(parsed.device_secret, /^[A-Za-z0-9_-]{22,64}$/)
  const headers = { authorization: `Bearer ${parsed.device_secret}` }
  const path = `${REGISTRATIONS}/${parsed.registration_id}`
  return {
    id: parsed.registration_id,
    secret: parsed.device_secret,
    call: (method, body) => server.callAsNobody(`${method} ${path}`, body, { headers }),
  }
}

async function readSelf(user: User): Promise<Record<string, unknown>> {
  const answer = await user.call('GET')
  assert.equal(answer.status, 200, answer.body)
  return JSON.parse(answer.body) as Record<string, unknown>
}

async function change(user: User, body: unknown): Promise<void> {
  assertAnswer(await user.call('PUT', body), { status: 200, body: SUCCESS }, JSON.stringify(body))
}

/** Bodies that are refused so, and make nobody. */
async function expectRefusals(
  server: SocketApp,
  call: (body: unknown) => Promise<Answer>,
  cases: readonly (readonly [body: unknown, code: number, message: string])[],
): Promise<void> {
  const before = await tablesDigest(server.database)
  for (const [body, code, message] of cases) {
    const expected = JSON.stringify({ error: { code, message } })
    assertAnswer(await call(body), { status: 400, body: expected }, JSON.stringify(body))
  }
  assert.equal(await tablesDigest(server.database), before)
}

forEachEngine('registration by a client', (_open, engine) => {
  test('on every platform, with everything that a client may say', async (t) => {
    const server = await startSocketApp(t, engine)
    const facts = {
      os: 'Android 16',
      browser: 'Firefox 140',
      model: 'Pixel 9',
      app_version: '1.2.3',
      sdk_version: '0.1',
      language: 'zh-hans-cn',
      timezone: 'asia/shanghai',
      notification_permission: 'granted',
    }
    const channels: Record<string, unknown> = {
      web: { subscription: { ...subscriptionAt('https://push.example.net/1'), expirationTime: null } },
      android: { token: FCM },
      ios: { token: APNS, apns_production: false },
      hmos: { token: 'h'.repeat(100) },
    }
    for (const [platform, channel] of Object.entries(channels)) {
      const body = { platform, ...(channel as object), ...facts, tags: ['b', 'a', 'b'], alias: platform }
      const user = await register(server, body)
      const { created_at, last_seen_at, ...rest } = await readSelf(user)
      assert.deepEqual(rest, {
        registration_id: user.id,
        platform,
        tags: ['a', 'b'],
        alias: platform,
        ...facts,
        language: 'zh-Hans-CN',
        timezone: 'Asia/Shanghai',
        reachable: true,
      })
      assert.match(String(created_at), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      assert.equal(last_seen_at, created_at)
      const answer = await server.call(`GET /v4/devices/${user.id}`)
      assert.equal(answer.body, JSON.stringify({ tags: ['a', 'b'], alias: platform }))
    }
  })

  test('with the platform alone: a user who cannot be reached yet', async (t) => {
    const server = await startSocketApp(t, engine)
    for (const platform of ['web', 'android', 'ios', 'hmos']) {
      const body = { platform, token: null, subscription: null, os: '', language: '', alias: '', tags: [] }
      const {
        created_at: _,
        last_seen_at: __,
        registration_id: ___,
        ...rest
      } = await readSelf(await register(server, body))
      assert.deepEqual(rest, {
        platform,
        tags: [],
        alias: '',
        os: null,
        browser: null,
        model: null,
        app_version: null,
        sdk_version: null,
        language: null,
        timezone: null,
        notification_permission: null,
        reachable: false,
      })
    }
  })

  test('what is wrong is named, and nobody is made', async (t) => {
    const server = await startSocketApp(t, engine)
    const fine = subscriptionAt('https://push.example.net/1')
    const keys = (changed: object) => ({
      platform: 'web',
      subscription: { ...fine, keys: { ...fine.keys, ...changed } },
    })
    const at = (endpoint: string) => ({ platform: 'web', subscription: { ...fine, endpoint } })
    const point = Buffer.from(fine.keys.p256dh, 'base64url')
    const offCurve = Buffer.from(point)
    offCurve[64] = (offCurve[64] ?? 0) ^ 1
    const p256dh = 'subscription: keys.p256dh is base64url of 65 bytes, an uncompressed P-256 point'
    const auth = 'subscription: keys.auth is base64url of 16 bytes'
    const endpoint = 'subscription: the endpoint is an https address without credentials and fragment'
    const notOnCurve = 'subscription: keys.p256dh is not a point on the curve P-256'
    const bytes = (count: number) => Buffer.alloc(count, 7).toString('base64url')
    await expectRefusals(server, (body) => post(server, body), [
      [keys({ p256dh: offCurve.toString('base64url') }), 21003, notOnCurve],
      [
        keys({ p256dh: Buffer.concat([Buffer.from([4]), Buffer.alloc(64)]).toString('base64url') }),
        21003,
        notOnCurve,
      ],
      [keys({ p256dh: point.subarray(0, 64).toString('base64url') }), 21003, p256dh],
      [keys({ p256dh: Buffer.concat([point, Buffer.alloc(1)]).toString('base64url') }), 21003, p256dh],
      [keys({ p256dh: `${fine.keys.p256dh.slice(0, -1)}*` }), 21003, p256dh],
      [keys({ p256dh: '' }), 21003, p256dh],
      [keys({ auth: bytes(15) }), 21003, auth],
      [keys({ auth: bytes(17) }), 21003, auth],
      [keys({ auth: '' }), 21003, auth],
      [at('http://push.example.net/1'), 21003, endpoint],
      [at('https://user@push.example.net/1'), 21003, endpoint],
      [at('https://push.example.net/1#x'), 21003, endpoint],
      [at('push.example.net'), 21003, endpoint],
      [at(''), 21003, endpoint],
      [
        at(`https://push.example.net/${'a'.repeat(2024)}`),
        21003,
        'subscription.endpoint: must not have more than 2048 characters',
      ],
      [
        { platform: 'web', subscription: { endpoint: fine.endpoint } },
        21002,
        'subscription.keys is required',
      ],
      [
        { platform: 'web', subscription: { ...fine, url: 'x' } },
        21015,
        'unknown parameter "url" in subscription',
      ],
      [{ platform: 'web', subscription: 'x' }, 21016, 'subscription: must be object'],
      [{ platform: 'web', token: FCM }, 21003, 'token: on the web a subscription is given instead'],
      [
        { platform: 'android', subscription: fine },
        21003,
        'subscription: only the web has one; give a token',
      ],
      [{ platform: 'android', token: 'short' }, 21003, 'invalid fcm token format'],
      [{ platform: 'ios', token: 'zz'.repeat(32) }, 21003, 'invalid apns token format'],
      [{ platform: 'hmos', token: 'a b'.repeat(20) }, 21003, 'invalid hms token format'],
      [
        { platform: 'android', token: FCM, apns_production: true },
        21003,
        'apns_production belongs to a token on ios only',
      ],
      [{ platform: 'ios', apns_production: true }, 21003, 'apns_production belongs to a token on ios only'],
      [{}, 21002, 'platform is required in the body'],
      [undefined, 21002, 'platform is required in the body'],
      [{ platform: 'palm' }, 21003, 'platform: must be equal to one of the allowed values'],
      [
        { platform: 'web', language: 'en_US' },
        21003,
        'language: the language is a BCP 47 tag such as en-US or zh-Hans-CN',
      ],
      [
        { platform: 'web', timezone: '+08:00' },
        21003,
        'timezone: the time zone is an IANA name such as Europe/Berlin or UTC',
      ],
      [{ platform: 'web', os: 'x'.repeat(101) }, 21003, 'os: must not have more than 100 characters'],
      [{ platform: 'web', model: 'a\nb' }, 21003, 'model: must match pattern "^[^\\u0000-\\u001f\\u007f]*$"'],
      [
        { platform: 'web', notification_permission: 'yes' },
        21003,
        'notification_permission: must be equal to one of the allowed values',
      ],
      [{ platform: 'web', tags: ['a,b'] }, 21003, 'the tag may have letters, digits and _@!#$&*+=.| only'],
      [{ platform: 'web', tags: { add: ['a'] } }, 21016, 'tags: must be array'],
      [{ platform: 'web', alias: 'x'.repeat(41) }, 21003, 'the alias has 41 bytes of at most 40'],
      [{ platform: 'web', registration_id: 'mine' }, 21015, 'unknown parameter "registration_id"'],
    ])
  })

  test('repeated under its Idempotency-Key: the same user with a new secret', async (t) => {
    const server = await startSocketApp(t, engine)
    const key = { headers: { 'idempotency-key': randomUUID() } }
    const body = { platform: 'android', token: FCM }
    const first = await register(server, body, key)
    const second = await register(server, body, key)
    assert.equal(second.id, first.id)
    assert.notEqual(second.secret, first.secret)
    assert.equal((await second.call('GET')).status, 200)
    assertAnswer(await first.call('GET'), { status: 401, body: WRONG, headers: CHALLENGE })
    // Both at once, as a client does that gave up waiting.
    const other = { headers: { 'idempotency-key': randomUUID() } }
    const both = await Promise.all([1, 2].map(() => register(server, { platform: 'web' }, other)))
    assert.equal(both[0]?.id, both[1]?.id)

    const reused =
      '{"error":{"code":21003,"message":"Idempotency-Key: it was used for another registration"}}'
    const before = await tablesDigest(server.database)
    const otherToken = { platform: 'android', token: `${FCM}2` }
    assertAnswer(await post(server, otherToken, key), { status: 400, body: reused })
    const words = 'Idempotency-Key: 16 to 128 printable characters, a random UUID for example'
    for (const bad of ['x'.repeat(15), 'x'.repeat(129), 'with a space in it', '']) {
      const answer = await post(server, body, { headers: { 'idempotency-key': bad } })
      const refusal = JSON.stringify({ error: { code: 21003, message: words } })
      assertAnswer(answer, { status: 400, body: refusal }, bad)
    }
    assert.equal(await tablesDigest(server.database), before)

    // The token may be somebody else's by now: it stays there, and the request is still the same.
    const taker = await register(server, body)
    const third = await register(server, body, key)
    assert.equal(third.id, first.id)
    assert.equal((await readSelf(third))['reachable'], false)
    assert.equal((await readSelf(taker))['reachable'], true)

    // The request of a deleted user is as dead as the user, before and after the rows are gone.
    await third.call('DELETE')
    assertAnswer(await post(server, body, key), { status: 410, body: GONE })
    await untilErased(server, second.id)
    assertAnswer(await post(server, body, key), { status: 410, body: GONE })
    assert.notEqual((await register(server, body)).id, second.id)
  })

  test('takes a token over: the older user keeps no channel, an alias moves', async (t) => {
    const server = await startSocketApp(t, engine)
    const body = { platform: 'android', token: FCM, alias: 'phone', tags: ['a'] }
    const older = await register(server, body)
    const newer = await register(server, { ...body, tags: [] })
    assert.notEqual(newer.id, older.id)
    const { reachable, alias, tags } = await readSelf(older)
    assert.deepEqual({ reachable, alias, tags }, { reachable: false, alias: '', tags: ['a'] })
    assert.equal((await readSelf(newer))['alias'], 'phone')
    const holder = await server.call('GET /v4/aliases/phone')
    assert.equal(holder.body, JSON.stringify({ registration_ids: [newer.id] }))
    const tokens = { platform: 'android', tokens: [FCM] }
    const held = await server.call('POST /v4/devices/token/registration_id', tokens)
    const [result] = (JSON.parse(held.body) as { results: Record<string, unknown>[] }).results
    assert.deepEqual(result, { token: FCM, registration_id: newer.id, is_new: false, code: 0 })
    // Back by a heartbeat of the older one; the newer one is still there.
    await change(older, { token: FCM })
    assert.deepEqual(
      [(await readSelf(older))['reachable'], (await readSelf(newer))['reachable']],
      [true, false],
    )
    // The same text on another platform is another token.
    const hms = await register(server, { platform: 'hmos', token: 'f'.repeat(50) })
    const fcm = await register(server, { platform: 'android', token: 'f'.repeat(50) })
    assert.equal((await readSelf(hms))['reachable'], true)
    assert.equal((await readSelf(fcm))['reachable'], true)
  })
})

forEachEngine('a registered client', (_open, engine) => {
  test('changes what it says, and what it does not say stays', async (t) => {
    const server = await startSocketApp(t, engine)
    const user = await register(server, { platform: 'web', os: 'Linux', tags: ['a'], alias: 'one' })
    const steps: [body: unknown, seen: object][] = [
      [{}, { os: 'Linux', tags: ['a'], alias: 'one', reachable: false }],
      [undefined, { os: 'Linux' }],
      [
        { os: null, tags: null, alias: null },
        { os: 'Linux', tags: ['a'], alias: 'one' },
      ],
      [
        { tags: { add: ['b'], remove: ['a'] }, alias: 'two' },
        { tags: ['b'], alias: 'two' },
      ],
      [
        { tags: '', alias: '' },
        { tags: [], alias: '' },
      ],
      [
        { language: 'de', timezone: 'Europe/Berlin' },
        { language: 'de', timezone: 'Europe/Berlin' },
      ],
      [{ subscription: subscriptionAt('https://push.example.net/1') }, { reachable: true }],
    ]
    for (const [body, seen] of steps) {
      await change(user, body)
      const self = await readSelf(user)
      for (const [name, value] of Object.entries(seen))
        assert.deepEqual(self[name], value, `${name} after ${JSON.stringify(body)}`)
    }
    await expectRefusals(server, (body) => user.call('PUT', body), [
      [{ platform: 'ios' }, 21015, 'unknown parameter "platform"'],
      [{ tags: ['a'] }, 21016, 'tags: must be object or string'],
      [{ token: FCM }, 21003, 'token: on the web a subscription is given instead'],
      [{ alias: 'a b' }, 21003, 'the alias may have letters, digits and _@!#$&*+=.| only'],
      [
        { subscription: subscriptionAt('http://push.example.net/1') },
        21003,
        'subscription: the endpoint is an https address without credentials and fragment',
      ],
      [[], 21016, 'body: must be object'],
    ])
  })

  test('is asked for its secret, unless it was deleted or never was', async (t) => {
    const server = await startSocketApp(t, engine)
    const user = await register(server, { platform: 'web' })
    const other = await register(server, { platform: 'web' })
    const byToken = await server.call('POST /v4/devices/token/registration_id', {
      platform: 'android',
      tokens: [FCM],
    })
    const withoutSecret = JSON.parse(byToken.body).results[0].registration_id as string
    const before = await tablesDigest(server.database)
    const asked = async (
      id: string,
      authorization: string | undefined,
      expected: [number, string, object?],
    ) => {
      const headers = authorization === undefined ? {} : { authorization }
      const [status, body, more = {}] = expected
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const answer = await server.callAsNobody(`${method} ${REGISTRATIONS}/${id}`, undefined, { headers })
        assertAnswer(answer, { status, body, headers: { ...more } }, `${method} ${id} ${authorization}`)
      }
    }
    const missing: [number, string, object] = [401, MISSING, CHALLENGE]
    const wrong: [number, string, object] = [401, WRONG, CHALLENGE]
    for (const authorization of [undefined, '', 'Bearer', 'Bearer ', `Basic ${user.secret}`, user.secret])
      await asked(user.id, authorization, missing)
    for (const secret of [
      other.secret,
      `${user.secret}x`,
      user.secret.slice(0, -1),
      user.secret.toUpperCase(),
    ])
      await asked(user.id, `Bearer ${secret}`, wrong)
    await asked(withoutSecret, 'Bearer x', wrong)
    await asked(withoutSecret, `Bearer ${user.secret}`, wrong)
    await asked('never', undefined, [404, UNKNOWN])
    await asked('never', `Bearer ${user.secret}`, [404, UNKNOWN])
    for (const id of ['a,b', '*', 'a'.repeat(65)]) await asked(id, `Bearer ${user.secret}`, [400, ONE_ID])
    assert.equal(await tablesDigest(server.database), before)
    // The master secret opens nothing here.
    await asked(user.id, server.basic.authorization, missing)

    await server.call(`DELETE /v4/devices/${user.id}`)
    for (const moment of ['while it is erased', 'afterwards']) {
      for (const authorization of [undefined, `Bearer ${user.secret}`, 'Bearer wrong']) {
        const headers = authorization === undefined ? {} : { authorization }
        for (const method of ['GET', 'PUT']) {
          const answer = await server.callAsNobody(`${method} ${REGISTRATIONS}/${user.id}`, undefined, {
            headers,
          })
          assertAnswer(answer, { status: 410, body: GONE }, `${moment} ${method} ${authorization}`)
        }
      }
      await untilErased(server, user.id)
    }
  })

  test('deletes itself, and may say so again without its secret', async (t) => {
    const server = await startSocketApp(t, engine)
    const user = await register(server, { platform: 'android', token: FCM, alias: 'me', tags: ['a'] })
    const first = await user.call('DELETE')
    const erasureId = first.headers['lethe-erasure'] ?? ''
    const deleted = { status: 200, body: SUCCESS, headers: { 'lethe-erasure': erasureId } }
    assert.match(erasureId, /^[0-9a-f]{32}$/)
    assertAnswer(first, deleted)
    assertAnswer(await user.call('DELETE'), deleted)
    assertAnswer(await server.callAsNobody(`DELETE ${REGISTRATIONS}/${user.id}`), deleted)
    assertAnswer(await server.call(`DELETE /v4/devices/${user.id}`), deleted)
    assert.equal((await server.call('GET /v4/aliases/me')).body, '{"registration_ids":[]}')
    assert.equal((await server.call('GET /v4/tags')).body, '{"tags":[]}')
    await untilErased(server, user.id)
    assertAnswer(await user.call('DELETE'), deleted)
    assertAnswer(await user.call('PUT', {}), { status: 410, body: GONE })
    const back = await register(server, { platform: 'android', token: FCM })
    const { alias, tags, reachable } = await readSelf(back)
    assert.deepEqual({ alias, tags, reachable }, { alias: '', tags: [], reachable: true })
  })

  test('reads the public settings; pages of listed origins may, others may not', async (t) => {
    const server = await startSocketApp(t, engine)
    const shop = 'https://shop.example'
    await server.operate(`PATCH /admin/v1/apps/${APP_KEY}`, { settings: { origins: [shop] } })
    const answer = await server.operate(`GET /admin/v1/apps/${APP_KEY}/channels`, undefined)
    const key = (answer as ChannelsAnswer).channels[0]?.facts.public_key
    assert.equal(Buffer.from(key ?? '', 'base64url').length, 65)
    const settings = { status: 200, body: `{"app_key":"${APP_KEY}","vapid_public_key":"${key}"}` }
    assertAnswer(await server.callAsNobody(`GET ${APP}`), settings)
    const exposed = {
      'access-control-allow-origin': shop,
      'access-control-expose-headers': 'Lethe-Erasure, Lethe-Skipped, Retry-After, X-Request-Id',
      vary: 'Origin',
    }
    const from = (origin: string) => ({ headers: { origin } })
    assertAnswer(await server.callAsNobody(`GET ${APP}`, undefined, from(shop)), {
      ...settings,
      headers: exposed,
    })
    const noApp = '{"error":{"code":21008,"message":"no app has this app key"}}'
    for (const line of ['GET /client/v1/apps/nobody', 'POST /client/v1/apps/nobody/registrations'])
      assertAnswer(await server.callAsNobody(line, { platform: 'web' }), { status: 404, body: noApp })
    const refused =
      '{"error":{"code":23009,"message":"this origin is not on the list of origins of the app"}}'
    const evil = from('https://evil.example')
    assertAnswer(await post(server, { platform: 'web' }, evil), { status: 403, body: refused })
    // A page must be able to read that its user is gone.
    const user = await register(server, { platform: 'web' })
    const gone = await server.callAsNobody(`DELETE ${REGISTRATIONS}/${user.id}`, undefined, {
      headers: { origin: shop, authorization: `Bearer ${user.secret}` },
    })
    assert.deepEqual([gone.status, gone.headers['access-control-allow-origin']], [200, shop])
    const late = await server.callAsNobody(`PUT ${REGISTRATIONS}/${user.id}`, {}, from(shop))
    assertAnswer(late, { status: 410, body: GONE, headers: exposed })
  })

  test('is asked for by a preflight, which needs no credentials', async (t) => {
    const server = await startSocketApp(t, engine)
    const shop = 'https://shop.example'
    await server.operate(`PATCH /admin/v1/apps/${APP_KEY}`, { settings: { origins: [shop] } })
    const ask = (path: string, origin: string) =>
      server.callAsNobody(`OPTIONS ${path}`, undefined, {
        headers: {
          origin,
          'access-control-request-method': 'PUT',
          'access-control-request-headers': 'authorization',
        },
      })
    const paths: [string, string][] = [
      [APP, 'GET, HEAD, OPTIONS'],
      [REGISTRATIONS, 'OPTIONS, POST'],
      [`${REGISTRATIONS}/any`, 'DELETE, GET, HEAD, OPTIONS, PUT'],
    ]
    for (const [path, methods] of paths) {
      const { status, body, headers } = await ask(path, shop)
      assert.deepEqual([status, body], [204, ''])
      const { date: _, 'x-request-id': __, ...rest } = headers
      assert.deepEqual(rest, {
        'access-control-allow-origin': shop,
        'access-control-allow-methods': methods,
        'access-control-allow-headers': 'Authorization, Content-Type, Idempotency-Key',
        'access-control-expose-headers': 'Lethe-Erasure, Lethe-Skipped, Retry-After, X-Request-Id',
        'access-control-max-age': '600',
        allow: methods,
        vary: 'Origin',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        connection: 'close',
      })
      assert.equal((await ask(path, 'https://evil.example')).status, 403)
      assert.equal((await ask(path, 'null')).status, 403)
    }
    // The server API is not for pages.
    assert.equal((await ask('/v4/tags', shop)).status, 405)
  })
})
