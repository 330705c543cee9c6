// Tags and alias: what the server has of this visitor, and the forms that change it. Following a tea is a tag.
import { busyWhile, element, showProblem, wordsOf } from './panel.js'

/** @returns `refresh`, which reads tags and alias from the server and shows them, and `clear`, which shows none */
export function startTags(page) {
  const { lethe } = page
  let asked = 0
  const refresh = async () => {
    asked += 1
    const turn = asked
    const [tags, alias] = await Promise.all([lethe.getAllTags(), lethe.getAlias()])
    // Answers may overtake each other, and the last question has the newest one.
    if (turn !== asked) return
    showTags(page, tags)
    if (document.activeElement !== element('alias')) element('alias').value = alias
  }
  for (const button of document.querySelectorAll('.follow')) startFollowing(button, { lethe, refresh })
  onSubmit('tag-form', async (form) => {
    await lethe.addTags([form.elements.namedItem('tag').value.trim()])
    form.reset()
    await refresh()
  })
  onSubmit('alias-form', async (form) => {
    const alias = form.elements.namedItem('alias').value.trim()
    await (alias === '' ? lethe.deleteAlias() : lethe.setAlias(alias))
    element('status').textContent = alias === '' ? 'You have no alias.' : `Your alias is ${alias}.`
  })
  const clear = () => {
    asked += 1
    showTags(page, [])
    for (const id of ['tag-form', 'alias-form']) element(id).reset()
  }
  return { refresh, clear }
}

function startFollowing(button, { lethe, refresh }) {
  button.addEventListener('click', () =>
    busyWhile(button, async () => {
      const tags = [button.dataset.tag]
      const isFollowed = button.getAttribute('aria-pressed') === 'true'
      await (isFollowed ? lethe.deleteTags(tags) : lethe.addTags(tags))
      await refresh()
    }),
  )
}

function onSubmit(id, action) {
  const form = element(id)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void busyWhile(event.submitter, () => action(form))
  })
}

function showTags(page, tags) {
  element('tags').replaceChildren(...tags.toSorted().map((tag) => tagItem(page, tag)))
  element('no-tags').hidden = tags.length > 0
  for (const button of document.querySelectorAll('.follow')) {
    const isFollowed = tags.includes(button.dataset.tag)
    button.setAttribute('aria-pressed', String(isFollowed))
    button.firstChild.textContent = isFollowed ? 'Following' : 'Follow'
  }
}

function tagItem(page, tag) {
  const name = document.createElement('span')
  name.textContent = tag
  const remove = document.createElement('button')
  remove.type = 'button'
  remove.textContent = '×'
  remove.setAttribute('aria-label', `Remove the tag ${tag}`)
  remove.addEventListener('click', async () => {
    await busyWhile(remove, () => page.lethe.deleteTags([tag]))
    await page.tags.refresh().catch((error) => showProblem(wordsOf(error)))
    // The button is gone, and the keyboard has to be somewhere.
    element('tag').focus()
  })
  const item = document.createElement('li')
  item.append(name, remove)
  return item
}
