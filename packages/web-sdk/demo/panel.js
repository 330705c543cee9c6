// What the panel shows: the view that fits the visitor's state, and what went wrong. Decides nothing.

const statusWords = {
  asking: 'Registered, and reached while this page is open',
  granted: 'Registered, and reached at any time',
  denied: 'Notifications are blocked',
  unsupported: 'Registered, and reached while this page is open',
  optedOut: 'Paused',
  deleted: 'You are deleted',
  unavailable: 'Not available here',
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
  const view = viewOf(lethe)
  const shown = new Set([lethe.state, view])
  element('notifications').dataset.view = view
  for (const block of document.querySelectorAll('[data-show]')) block.hidden = !shown.has(block.dataset.show)
  for (const button of document.querySelectorAll('.follow')) button.disabled = lethe.state !== 'registered'
  element('registration-id').textContent = lethe.getRegistrationId()
  element('unavailable-reason').textContent = `The browser says: ${reasonUnavailable || 'no reason given'}.`
  element('unavailable-reason').hidden = reasonUnavailable === ''
  // The same words again would be read out again.
  if (element('status').textContent !== statusWords[view]) element('status').textContent = statusWords[view]
}

function viewOf({ state, permission }) {
  if (state !== 'registered') return state
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
