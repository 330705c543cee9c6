// What the panel shows: the view that fits the visitor's state, and what went wrong. Decides nothing.

const statusWords = {
  asking: 'Registered, and reached while this page is open',
  granted: 'Registered, and reached at any time',
  denied: 'Notifications are blocked',
  unreachable: 'Registered, and reached while this page is open',
  unsupported: 'Registered, and reached while this page is open',
  optedOut: 'Paused',
  deleted: 'You are deleted',
  unavailable: 'Not available here',
}

/** By the reasons of the SDK's event `unavailable`. */
const reasonWords = {
  storage: 'This browser keeps nothing for this page.',
  insecure: 'The page is neither https nor on localhost.',
  push: 'This browser cannot reach its push service just now, so messages arrive while this page is open.',
  network: 'The server could not be asked. It is asked again when the browser is back online.',
  refused: 'The server does not want this page.',
}

const problemWords = {
  busy: 'The server has a lot to do. Try again in a moment.',
  network: 'The server cannot be reached. Nothing was changed.',
  server: 'The server has a problem. Try again in a moment.',
  refused: 'The server does not take that',
  unavailable: 'This browser does not let the page do that.',
}

/** @returns {HTMLElement} the element with this id, which is in the page */
export function element(id) {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`there is no #${id} in the page`)
  return found
}

/** Shows the blocks of the visitor's state and permission, and says in the status line which that is. */
export function showView({ lethe, reasonUnavailable }) {
  const view = viewOf(lethe, reasonUnavailable)
  const shown = new Set([lethe.state, view])
  element('notifications').dataset.view = view
  for (const block of document.querySelectorAll('[data-show]')) block.hidden = !shown.has(block.dataset.show)
  for (const button of document.querySelectorAll('.follow')) button.disabled = lethe.state !== 'registered'
  element('registration-id').textContent = lethe.getRegistrationId()
  for (const reason of document.querySelectorAll('.reason')) {
    reason.textContent = reasonWords[reasonUnavailable] ?? ''
    reason.hidden = reason.textContent === ''
  }
  // The same words again would be read out again.
  if (element('status').textContent !== statusWords[view]) element('status').textContent = statusWords[view]
}

function viewOf({ state, permission }, reasonUnavailable) {
  if (state !== 'registered') return state
  if (permission === 'granted' && reasonUnavailable === 'push') return 'unreachable'
  return permission === 'default' ? 'asking' : permission
}

/** Runs an action of a button that is busy for so long, and shows what went wrong. A second click does nothing meanwhile. */
export async function busyWhile(button, action) {
  if (button.getAttribute('aria-busy') === 'true') return
  button.setAttribute('aria-busy', 'true')
  showProblem('')
  try {
    await action()
  } catch (error) {
    showProblem(wordsOf(error))
  } finally {
    button.removeAttribute('aria-busy')
  }
}

export function showProblem(words) {
  const problem = element('problem')
  problem.hidden = words === ''
  problem.textContent = words
}

/** What to say of a failure: an error of the SDK has a `reason`, and some come with the server's own words. */
export function wordsOf(error) {
  const words = problemWords[error.reason]
  if (words === undefined) return error.message
  return error.reason === 'refused' ? `${words}: ${error.message}` : words
}
