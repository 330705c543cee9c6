// Callers that work at the same time, each on its own household, one call after another, until the first call of each
// that finds no server or no database.
import type { Dice } from './dice.ts'
import type { Household } from './household.ts'
import { type Answer, errorCode, type Http } from './http.ts'
import { nextStep, type Step } from './steps.ts'

export type CallerEnd = {
  /** As it stands after the last answer. */
  household: Household
  /** The call that got no answer; it may have been carried out. */
  pending: Step | undefined
  answeredCount: number
  complaints: string[]
}

export type LoadInput = {
  http: Http
  households: readonly Household[]
  dice: Dice
  /** Makes the marks of this round different from those of others. */
  round: number
  /** Whether something is being killed: from then on "not available" is a right answer. */
  isKilling(): boolean
}

export type Load = {
  /** Every caller has had an answer: the load is at its full height. */
  underWay: Promise<unknown>
  /** Every caller has come to its end. */
  ends: Promise<CallerEnd[]>
}

export function startLoad({ households, dice, ...rest }: LoadInput): Load {
  const callers = households.map((household) => {
    const first = Promise.withResolvers<void>()
    const end = runCaller({ ...rest, dice: dice.fork(), household, onAnswer: first.resolve })
    return { first: Promise.race([first.promise, end]), end }
  })
  return {
    underWay: Promise.all(callers.map(({ first }) => first)),
    ends: Promise.all(callers.map(({ end }) => end)),
  }
}

type Caller = Omit<LoadInput, 'households'> & { household: Household; onAnswer(): void }

async function runCaller(caller: Caller): Promise<CallerEnd> {
  const { http, dice, round, isKilling } = caller
  let { household } = caller
  let markCount = 0
  const newMark = () => `m_${household.number}_${round}_${++markCount}`
  for (let answeredCount = 0; ; answeredCount++) {
    const step = nextStep({ dice, household, newMark })
    const answer = await http.send(step.call)
    const end = (pending: Step | undefined, complaints: string[] = []): CallerEnd => ({
      household,
      pending,
      answeredCount,
      complaints,
    })
    if (answer === undefined)
      return isKilling() ? end(step) : end(step, [describe(step, answer, 'no answer')])
    if (answer.status === 503 && isKilling()) return end(mayHaveHappened(step, answer) ? step : undefined)
    const complaint = step.judge(answer)
    if (complaint !== undefined) return end(undefined, [describe(step, answer, complaint)])
    household = step.after(household, answer)
    caller.onAnswer()
  }
}

/** The server tells whether it knows that nothing was changed; it is taken at its word. */
function mayHaveHappened(step: Step, answer: Answer): boolean {
  const text = JSON.stringify(answer.body)
  return step.isMany === true || errorCode(answer) !== 21030 || !text.includes('nothing was changed')
}

export function describe(step: Pick<Step, 'call'>, answer: Answer | undefined, complaint: string): string {
  const { call } = step
  const sent = call.body === undefined ? '' : ` ${JSON.stringify(call.body)}`
  const got = answer === undefined ? 'nothing' : `${answer.status} ${JSON.stringify(answer.body)}`
  return `${complaint}: ${call.method} ${call.path}${sent} was answered ${got}`
}
