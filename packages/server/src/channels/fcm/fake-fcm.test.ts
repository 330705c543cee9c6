import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { connect, type IncomingHttpHeaders } from 'node:http2'
import { type TestContext, test } from 'node:test'
import { type JWTPayload, SignJWT } from 'jose'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { startFakeFcm } from './fake-fcm.ts'

const SEND = '/v1/projects/fake-project/messages:send'
const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging'
const message = JSON.stringify({ message: { token: 'token-1', data: { a: '1' } } })

async function start(t: TestContext) {
  const clock = new FakeClock()
  const fake = await startFakeFcm({ clock })
  const session = connect(fake.origin, { ca: fake.cert })
  t.after(async () => {
    session.destroy()
    await fake.close()
  })
  const post = async (path: string, body: string, authorization = '') => {
    const stream = session.request({ ':method': 'POST', ':path': path, authorization })
    stream.end(body)
    const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status': number }]
    const text = (await stream.toArray()).join('')
    return { status: headers[':status'], body: JSON.parse(text) }
  }
  const account = fake.serviceAccount()
  const sign = (claims: JWTPayload, key = account['private_key'] ?? '') => {
    const iat = claims.iat ?? clock.now() / 1_000
    const right = { iss: account['client_email'] ?? '', aud: account['token_uri'] ?? '', scope: SCOPE }
    return new SignJWT({ ...right, iat, exp: iat + 60, ...claims })
      .setProtectedHeader({ alg: 'RS256' })
      .sign(createPrivateKey(key))
  }
  const grant = (assertion: string, grant_type = 'urn:ietf:params:oauth:grant-type:jwt-bearer') =>
    post('/token', new URLSearchParams({ grant_type, assertion }).toString())
  const bearer = async () => `Bearer ${(await grant(await sign({}))).body.access_token}`
  return { clock, fake, post, sign, grant, bearer }
}

test('an assertion of the service account is granted an access token for an hour', async (t) => {
  const { grant, sign } = await start(t)
  const { status, body } = await grant(await sign({}))
  assert.equal(status, 200)
  assert.equal(body.expires_in, 3_599)
  assert.equal(body.token_type, 'Bearer')
})

test('no other assertion is granted anything', async (t) => {
  const { grant, sign, fake } = await start(t)
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const assertions = [
    '',
    await sign({}, stranger.export({ type: 'pkcs8', format: 'pem' }).toString()),
    await sign({ iss: 'somebody@example.com' }),
    await sign({ aud: 'https://example.com/token' }),
    await sign({ scope: 'https://www.googleapis.com/auth/drive' }),
    await sign({ iat: 1_000 - 61 }),
  ]
  for (const [index, assertion] of assertions.entries())
    assert.deepEqual(
      await grant(assertion),
      { status: 400, body: { error: 'invalid_grant', error_description: 'Bad assertion' } },
      String(index),
    )
  assert.equal((await grant(await sign({}), 'password')).status, 400)
  fake.answerAssertions('refuse')
  assert.equal((await grant(await sign({}))).status, 400)
})

test('a message needs an access token that is valid', async (t) => {
  const { clock, fake, post, bearer } = await start(t)
  assert.equal((await post(SEND, message)).status, 401)
  const first = await bearer()
  assert.equal((await post(SEND, message, first)).status, 200)
  await clock.advance(3_599_000)
  assert.equal((await post(SEND, message, first)).status, 401)
  const second = await bearer()
  fake.revokeAccessTokens()
  assert.equal((await post(SEND, message, second)).status, 401)
  assert.deepEqual(fake.counts, { assertions: 2, requests: 4, accepted: 1 })
})

test('another project is not there', async (t) => {
  const { post, bearer } = await start(t)
  const { status, body } = await post('/v1/projects/another/messages:send', message, await bearer())
  assert.equal(status, 404)
  assert.deepEqual(body.error, { code: 404, message: 'Requested entity was not found.', status: 'NOT_FOUND' })
})

test('what is wrong with a message is named in details', async (t) => {
  const { post, bearer } = await start(t)
  const body = JSON.stringify({ message: { token: 'token-1', data: { a: 1 } } })
  const answer = await post(SEND, body, await bearer())
  const description = "Invalid value at 'message.data.a'"
  assert.equal(answer.status, 400)
  assert.deepEqual(answer.body.error, {
    code: 400,
    message: description,
    status: 'INVALID_ARGUMENT',
    details: [
      {
        '@type': 'type.googleapis.com/google.rpc.BadRequest',
        fieldViolations: [{ field: 'message.data.a', description }],
      },
      { '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode: 'INVALID_ARGUMENT' },
    ],
  })
})

test('a token keeps its last hundred messages', async (t) => {
  const { fake, post, bearer } = await start(t)
  const authorization = await bearer()
  for (let index = 0; index <= 100; index += 1) {
    const data = { index: String(index) }
    await post(SEND, JSON.stringify({ message: { token: 'token-1', data } }), authorization)
  }
  const received = fake.received('token-1').map(({ data }) => (data as { index: string }).index)
  assert.equal(received.length, 100)
  assert.deepEqual([received.at(0), received.at(-1)], ['1', '100'])
})

test('a behaviour can be taken back', async (t) => {
  const { fake, post, bearer } = await start(t)
  const authorization = await bearer()
  fake.behave('token-1', { kind: 'error', code: 'UNAVAILABLE' })
  assert.equal((await post(SEND, message, authorization)).status, 503)
  fake.behave('token-1', undefined)
  assert.equal((await post(SEND, message, authorization)).status, 200)
})
