// How many users a second register over the client API, each with a token, two tags, an alias and facts of its device.
import { createHash } from 'node:crypto'
import { expectStatus, healthRequest, p50, p99, rate, registerRequest, runLoad } from './load.ts'
import { format } from './results.ts'
import { type Section, withUsers } from './section.ts'
import { startServer } from './server.ts'
import { tagsOf } from './users.ts'

const goal = 3_000
const connections = 64
const seconds = { measured: 5, quick: 1, warmUp: 1.5 }
/** More than can be registered in the time. */
const requestCount = 60_000

export const register: Section = async (input, add) => {
  await withUsers(input, [], async (place) => {
    const server = await startServer(place)
    try {
      const requests = Array.from({ length: requestCount }, (_, n) => registerRequest(registrationOf(n)))
      const target = { host: server.host, port: server.port, isRepeating: false, connections }
      const warmed = await runLoad({ ...target, requests: requests.slice(0, 5_000), seconds: seconds.warmUp })
      expectStatus(warmed, '201')
      const health = await runLoad({
        ...target,
        requests: [healthRequest()],
        isRepeating: true,
        seconds: seconds.warmUp,
      })
      input.say('registering')
      const outcome = await runLoad({
        ...target,
        requests: requests.slice(5_000),
        seconds: input.isQuick ? seconds.quick : seconds.measured,
      })
      expectStatus(outcome, '201')
      const times = `p50 ${format(p50(outcome), 'ms')}, p99 ${format(p99(outcome), 'ms')}`
      const share = Math.round((rate(outcome) / rate(health)) * 100)
      add({
        what: `registrations, ${connections} connections`,
        value: rate(outcome),
        unit: '/s',
        goal,
        beside: `${times}; /healthz ${format(rate(health), '/s')}; ${share} % of it`,
      })
    } finally {
      await server.stop()
    }
  })
}

function registrationOf(n: number) {
  return {
    platform: 'android',
    token: createHash('sha512').update(`registration ${n}`).digest('base64url'),
    tags: tagsOf(n).slice(1, 3),
    alias: `registered_${n}`,
    os: 'Android 16',
    model: 'Pixel 9',
    app_version: '4.2.0',
    sdk_version: '1.0.3',
    language: 'de',
    timezone: 'Europe/Berlin',
    notification_permission: 'granted',
  }
}
