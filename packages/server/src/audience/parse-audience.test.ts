import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AudienceBody } from '@lethe/protocol/audience.schemas.ts'
import { appLimitsDefault } from '@lethe/protocol/limits.ts'
import fc from 'fast-check'
import { cleanInput, compileCheck } from '../http/check-input.ts'
import { conditionsOf, namesIn } from './audience.ts'
import { parseAudience } from './parse-audience.ts'

const check = compileCheck(AudienceBody, 'to')
const parse = (to: unknown) => {
  assert.equal(check(to), undefined, JSON.stringify(to))
  return parseAudience(to as AudienceBody, appLimitsDefault)
}
const keys = ['tag', 'tag_and', 'tag_not', 'alias', 'registration_id']
const kinds = {
  tag: 'anyTag',
  tag_and: 'allTags',
  tag_not: 'noTag',
  alias: 'anyAlias',
  registration_id: 'anyId',
}

test('all is everyone', () => {
  assert.deepEqual(parse('all'), { ok: true, value: { kind: 'everyone' } })
})

test('each key becomes a condition, a name that is given twice counts once, an empty list counts as absent', () => {
  assert.deepEqual(parse({ tag: ['a', 'b', 'a'], tag_and: [], alias: ['c'] }), {
    ok: true,
    value: {
      kind: 'intersection',
      conditions: [
        { kind: 'anyAlias', aliases: ['c'] },
        { kind: 'anyTag', tags: ['a', 'b'] },
      ],
    },
  })
})

test('at least one key must be there', () => {
  for (const to of [{}, { tag: [] }, Object.fromEntries(keys.map((key) => [key, []]))]) {
    const parsed = parse(to)
    assert.equal(!parsed.ok && parsed.error, 'parameterInvalid')
    assert.match(parsed.ok ? '' : parsed.message, /at least one/)
  }
})

test('a segment and a live activity are refused by name, whatever stands beside them', () => {
  for (const [key, value] of Object.entries({ seg: { id: '1' }, live_activity_id: '1' })) {
    for (const to of [{ [key]: value }, { [key]: value, tag: ['a'] }]) {
      assert.deepEqual(parse(to), {
        ok: false,
        error: 'parameterInvalid',
        message: `to.${key}: not supported yet`,
      })
    }
  }
})

test('a name that breaks its rule refuses the audience and is named by its place', () => {
  const tooLong = 'a'.repeat(41)
  for (const [to, message] of [
    [{ tag: ['a', ''] }, 'to.tag[1]: the tag is empty'],
    [{ tag_and: [tooLong] }, 'to.tag_and[0]: the tag has 41 bytes of at most 40'],
    [{ tag_not: ['a b'] }, 'to.tag_not[0]: the tag may have letters, digits and _@!#$&*+=.| only'],
    [{ alias: [''] }, 'to.alias[0]: the alias is empty'],
  ] as const)
    assert.deepEqual(parse(to), { ok: false, error: 'parameterInvalid', message })
  assert.ok(parse({ tag: ['a'.repeat(40)] }).ok)
})

const name = fc.stringMatching(/^[a-z0-9_]{1,5}$/)
const body = fc.record(
  Object.fromEntries(keys.map((key) => [key, fc.array(name, { minLength: 1, maxLength: 20 })])),
  { requiredKeys: [] },
)

test('the conditions are those of the body, no more and no fewer', () => {
  fc.assert(
    fc.property(body, (to) => {
      const parsed = parse(to)
      if (Object.keys(to).length === 0) return assert.equal(parsed.ok, false)
      assert.ok(parsed.ok)
      const found = Object.fromEntries(
        conditionsOf(parsed.value).map((one) => [one.kind, new Set<string>(namesIn(one))]),
      )
      const given = Object.entries(to).map(([key, names]) => [
        kinds[key as keyof typeof kinds],
        new Set(names),
      ])
      assert.deepEqual(found, Object.fromEntries(given))
    }),
  )
})

/** A typing error: a letter too many, too few, another, two exchanged, or another case. */
const misspell = fc
  .record({
    at: fc.nat(20),
    how: fc.constantFrom('add', 'drop', 'replace', 'swap', 'upper'),
    letter: fc.stringMatching(/^[a-zA-Z0-9_ -]$/),
  })
  .map(({ at, how, letter }) => (key: string) => {
    const place = at % key.length
    const [before, here, after] = [key.slice(0, place), key.charAt(place), key.slice(place + 1)]
    switch (how) {
      case 'add':
        return before + letter + here + after
      case 'drop':
        return before + after
      case 'replace':
        return before + letter + after
      case 'swap':
        return before + after.charAt(0) + here + after.slice(1)
      default:
        return before + here.toUpperCase() + after
    }
  })

test('a misspelt key is 21015 and never widens an audience', () => {
  const misspelt = fc.record({
    to: body,
    wrong: fc.constantFrom(...keys),
    misspell,
    names: fc.array(name, { maxLength: 3 }),
  })
  fc.assert(
    fc.property(misspelt, ({ to, wrong, misspell, names }) => {
      const key = misspell(wrong)
      fc.pre(!keys.includes(key))
      const { [wrong]: _, ...others } = to
      const sent = { ...others, [key]: names }
      const fault = cleanInput(sent) ?? check(sent)
      assert.equal(fault?.error, 'parameterUnknown', JSON.stringify(sent))
      assert.ok(fault.message.startsWith(`unknown parameter ${JSON.stringify(key)}`), fault.message)
    }),
    { numRuns: 500 },
  )
})
