import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Env, lethe, type Serving, serveOperated } from './lethe.ts'

let server: Serving
let env: Env
before(async () => {
  ;({ server, env } = await serveOperated())
})
after(async () => assert.equal(await server.stop(), 0))

async function json(args: string[]) {
  const ended = await lethe(['guard', ...args, '--json'], env)
  assert.equal(ended.code, 0, ended.stderr)
  return JSON.parse(ended.stdout)
}

test('the guard is shown for people, and opened, closed and set for programs', async () => {
  const shown = await lethe(['guard', 'show', 'genie'], env)
  assert.match(
    shown.stdout,
    /^Guard {4}on\nBudget {3}100 deletions in 24 hours \(10 % of 0 users, at least 100; counted \S+Z\)\nUsed {5}0\nOpening {2}not open: .*\n$/,
  )
  const { opening } = await json(['open', 'genie', '--deletions', '5', '--for', '2h'])
  assert.deepEqual([opening.deletions, opening.used], [5, 0])
  assert.equal(Date.parse(opening.until) - Date.parse(opening.opened_at), 7_200_000)
  assert.match((await lethe(['guard', 'show', 'genie'], env)).stdout, /^Opening {2}0 of 5 used, until \S+Z$/m)
  assert.equal((await json(['close', 'genie'])).opening, null)
  const set = await json(['set', 'genie', '--share', '20', '--minimum', '7', '--off'])
  assert.deepEqual([set.share_percent, set.minimum, set.is_on], [20, 7, false])
  assert.equal((await json(['set', 'genie', '--on'])).is_on, true)
})

test('what is called wrongly or refused is one sentence', async () => {
  const cases: [args: string[], code: number, sentence: RegExp][] = [
    [['open', 'genie', '--deletions', '5'], 2, /required option '--for <time>' not specified/],
    [['open', 'genie', '--deletions', 'all', '--for', '1h'], 2, /Write it as a whole number\./],
    [['open', 'genie', '--deletions', '5', '--for', 'ever'], 2, /Write it as 90s, 30m, 1h or 2d\./],
    [['open', 'genie', '--deletions', '5', '--for', '8d'], 1, /^seconds\b[^\n]*\(400, code 21003\)\.\n$/],
    [['set', 'genie'], 2, /^Say what to change: lethe guard set --help lists it\.\n$/],
    [['set', 'genie', '--on', '--off'], 2, /cannot be used with/],
    [['show', 'nobody'], 1, /^no app has this app key \(404, code 21008\)\.\n$/],
  ]
  for (const [args, code, sentence] of cases) {
    const ended = await lethe(['guard', ...args], env)
    assert.deepEqual([ended.code, ended.stdout], [code, ''], args.join(' '))
    assert.match(ended.stderr, sentence)
  }
})
