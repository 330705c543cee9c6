// The demo page: starts Lethe, and puts the parts of the panel together.
import { startForgetting } from './forgetting.js'
import { startMessages } from './messages.js'
import { busyWhile, element, showProblem, showView, wordsOf } from './panel.js'
import { startTags } from './tags.js'

const serviceWorker = '/demo/worker.js'

// The worker has the pages below /demo/ in its scope, and /demo itself is none of them.
if (location.pathname === '/demo') location.replace('/demo/')
else start().catch(showFailure)

async function start() {
  const [sdk, config] = await Promise.all([loadSdk(), loadConfig()])
  const page = {
    lethe: undefined,
    render: () => render(page),
    reasonUnavailable: '',
    tags: undefined,
    isAsking: false,
  }
  const unavailable = ({ reason }) => {
    page.reasonUnavailable = reason
    if (page.tags !== undefined) page.render()
  }
  const options = { appKey: config.appKey, baseUrl: location.origin, serviceWorker }
  page.lethe = await sdk.init({ ...options, on: { unavailable } })
  page.tags = startTags(page)
  startPermission(page)
  startPush(page)
  startMessages(page)
  startForgetting(page)
  for (const event of ['registered', 'deleted', 'permission']) page.lethe.on(event, page.render)
  page.render()
}

function showFailure(error) {
  element('status').textContent = 'Not available'
  showProblem(wordsOf(error))
}

async function loadSdk() {
  try {
    return await import('/sdk/lethe.mjs')
  } catch {
    throw new Error('The SDK is not here: run `npm run build:sdk`, and reload.')
  }
}

async function loadConfig() {
  const response = await fetch('/demo/config.json')
  if (!response.ok) throw new Error('The server did not say for which app this page is.')
  return response.json()
}

/** Between the visitor's yes and the subscription nothing is true yet. */
function render(page) {
  if (page.isAsking) return
  showView(page)
  const { lethe, tags } = page
  if (lethe.state === 'registered') tags.refresh().catch((error) => showProblem(wordsOf(error)))
  else if (lethe.state === 'deleted') tags.clear()
}

function startPermission(page) {
  const { lethe } = page
  element('allow').addEventListener('click', (event) =>
    busyWhile(event.currentTarget, async () => {
      page.isAsking = true
      await lethe.requestPermission().finally(() => {
        page.isAsking = false
      })
      page.render()
    }),
  )
  element('copy-id').addEventListener('click', (event) =>
    busyWhile(event.currentTarget, async () => {
      await navigator.clipboard.writeText(lethe.getRegistrationId())
      element('status').textContent = 'The registration id is in your clipboard.'
    }),
  )
}

/** The visitor's own secret is enough to send to the visitor alone: no secret of the app is in this page. */
function startPush({ lethe }) {
  const form = element('push-form')
  element('push-url').value = new URL('/demo/', location.origin).href
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void busyWhile(event.submitter, async () => {
      const { title, body, url } = Object.fromEntries(new FormData(form))
      const push = { registration_id: lethe.getRegistrationId(), title, body, ...(url === '' ? {} : { url }) }
      const response = await fetch('/demo/push', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${lethe.deviceSecret()}` },
        body: JSON.stringify(push),
      })
      if (!response.ok) throw new Error(await refusalOf(response))
      element('status').textContent = 'The server has your push. It is on its way.'
    })
  })
}

async function refusalOf(response) {
  if (response.status === 429) {
    return `That was a little quick. Try again in ${response.headers.get('Retry-After') ?? 'a few'} seconds.`
  }
  const answer = await response.json().catch(() => undefined)
  return `The server refused the push: ${answer?.error?.message ?? response.status}`
}
