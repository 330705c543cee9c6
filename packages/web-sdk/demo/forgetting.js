// Pausing, being deleted, and the ways back.
import { busyWhile, element } from './panel.js'

export function startForgetting(page) {
  const { lethe, render } = page
  onClick('opt-out', () => lethe.optOut().then(render))
  onClick('opt-in', () => lethe.optIn().then(render))
  onClick('delete', () => deleteAfterAsking(page))
  onClick('delete-paused', () => deleteAfterAsking(page))
  onClick('reload', () => location.reload())
  onClick('start-over', async () => {
    await lethe.startOver()
    element('deleted-id-line').hidden = true
    element('cookies-cleared').textContent = ''
    render()
    focusPanel()
  })
  onClick('clear-cookies', clearCookies)
}

function onClick(id, action) {
  element(id).addEventListener('click', (event) => busyWhile(event.currentTarget, async () => action()))
}

async function deleteAfterAsking({ lethe, render }) {
  const dialog = element('confirm')
  dialog.returnValue = 'keep'
  dialog.showModal()
  await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }))
  if (dialog.returnValue !== 'delete') return
  const registrationId = lethe.getRegistrationId()
  await lethe.deleteUser()
  element('deleted-id').textContent = registrationId
  element('deleted-id-line').hidden = registrationId === ''
  render()
  focusPanel()
}

/** Lets every cookie that this page can see expire, as clearing them in the browser does. */
function clearCookies() {
  const names = document.cookie
    .split('; ')
    .map((cookie) => cookie.split('=')[0])
    .filter((name) => name !== '')
  for (const name of names) {
    // biome-ignore lint/suspicious/noDocumentCookie: not every browser has the Cookie Store API.
    document.cookie = `${name}=; path=/; max-age=0; samesite=lax`
  }
  element('cookies-cleared').textContent =
    names.length === 0
      ? 'There was no cookie left. Reload, and see who you are.'
      : 'The cookies of this page are gone. Reload, and you are somebody new.'
}

/** What was clicked is no longer there, and the keyboard has to be somewhere. */
function focusPanel() {
  const panel = element('panel-title')
  panel.tabIndex = -1
  panel.focus()
}
