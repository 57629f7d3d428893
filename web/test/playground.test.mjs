// The playground as a person uses it, in headless Chromium, over the demo:  npm ci && npm test
// SELLTHROUGH_BINARY names a binary that is built already, CHROMIUM the browser. Where a test fails, a
// picture of the page is in the folder that it names.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { chromium } from 'playwright-core'

const folder = mkdtempSync(join(tmpdir(), 'sellthrough-playground-'))
const executable = process.env.CHROMIUM || '/usr/bin/chromium'
const patience = 15_000 // milliseconds until a condition that does not come true fails its test

let browser, server, site, kept = false

before(async () => {
  const binary = process.env.SELLTHROUGH_BINARY || join(folder, 'sellthrough')
  if (!process.env.SELLTHROUGH_BINARY) {
    execFileSync('go', ['build', '-o', binary, '.'], { cwd: '..', stdio: 'inherit', env: { ...process.env, CGO_ENABLED: '0' } })
  }
  server = spawn(binary, ['demo', '--listen', '127.0.0.1:0', '--database', `sqlite:${join(folder, 'demo.db')}`], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface({ input: server.stdout })) {
    site = line.match(/Playground\s+(http:\S+)\/playground/)?.[1]
    if (site) break
  }
  assert.ok(site, 'the demo says where its playground is')
  browser = await chromium.launch({ executablePath: executable, args: process.getuid() === 0 ? ['--no-sandbox'] : [] })
})

after(async () => {
  await browser?.close()
  if (server && server.exitCode === null) {
    const ended = new Promise(resolve => server.once('exit', resolve))
    server.kill()
    await ended
  }
  if (!kept) rmSync(folder, { recursive: true, force: true })
})

// walk is a test in a fresh browser profile. It fails on any error in the console and on any request to
// another host. expected tells which complaints of the console belong to the story.
function walk(name, story, expected = () => false) {
  test(name, async () => {
    const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] })
    context.setDefaultTimeout(patience)
    const complaints = []
    context.on('console', message => {
      const text = message.text()
      if (message.type() === 'error' && !expected(text)) complaints.push(text)
    })
    context.on('weberror', error => complaints.push(String(error.error())))
    await context.route(() => true, route => {
      const { origin, protocol } = new URL(route.request().url())
      if (origin === site || protocol === 'data:') return route.continue()
      complaints.push(`a request to ${route.request().url()}`)
      return route.abort()
    })
    const page = await context.newPage()
    page.on('dialog', dialog => { complaints.push(`a dialog: ${dialog.message()}`); return dialog.dismiss() })
    try {
      await page.goto(`${site}/playground`)
      await page.getByLabel('Ask as').waitFor()
      await story(page, context)
      assert.deepEqual(complaints, [])
    } catch (error) {
      kept = true
      const picture = join(folder, `${name.replaceAll(/\W+/g, '-')}.png`)
      await page.screenshot({ path: picture }).catch(() => {})
      error.message += `\n(see ${picture}; the console: ${JSON.stringify(complaints)})`
      throw error
    } finally {
      await context.close()
    }
  })
}

const text = (page, where) => page.locator(`${where} .CodeMirror`).first().evaluate(editor => editor.CodeMirror.getValue())
const asked = page => text(page, '.graphiql-query-editor')

// run sends what is in the editor and returns the answer that is shown.
async function run(page) {
  const came = page.waitForResponse(response => response.url() === `${site}/graphql` && response.request().postDataJSON()?.operationName !== 'IntrospectionQuery' && !/^\{ viewer/.test(response.request().postDataJSON()?.query ?? ''))
  await page.getByRole('button', { name: /Execute query/ }).click()
  const answer = await (await came).json()
  const shown = JSON.stringify(answer)
  await page.waitForFunction(want => {
    const editor = document.querySelector('.result-window')?.CodeMirror ?? document.querySelector('.result-window .CodeMirror')?.CodeMirror
    try { return JSON.stringify(JSON.parse(editor.getValue())) === want } catch { return false }
  }, shown)
  return answer
}

const roles = { PUBLISHER: 'amazon-web-services-inc', RESELLER: '76e63bd7-314a-83aa-a2a0-cbe8457815f4', FINANCE: 'FINANCE', OPERATOR: 'OPERATOR' }

for (const [role, organization] of Object.entries(roles)) {
  walk(`${role} sees the data of each of its examples`, async page => {
    await page.getByLabel('Ask as').selectOption(role === 'PUBLISHER' ? 'FINANCE' : 'PUBLISHER') // the example picks the right one
    const titles = await page.locator(`optgroup[label="${role}"] option`).allTextContents()
    assert.ok(titles.length >= 4, `${role} has ${titles.length} examples`)
    for (const title of titles) {
      await page.getByLabel('Example').selectOption({ label: title })
      assert.equal(await page.getByLabel('Ask as').inputValue(), role)
      await page.waitForFunction(want => [...document.querySelectorAll('header output')].some(element => element.textContent.includes(want)), organization)
      assert.match(await asked(page), new RegExp(`^# As (an? )?${role}: `))
      const answer = await run(page)
      assert.equal(answer.errors, undefined, title)
      assert.doesNotMatch(JSON.stringify(answer.data), /"nodes":\[\]/, title)
    }
    assert.equal(await page.getByRole('alert').isVisible(), false)
  })
}

walk('explorer and documentation show what the schema describes', async page => {
  await page.getByRole('button', { name: 'Show GraphiQL Explorer' }).click()
  await page.locator('.docExplorerWrap, .graphiql-explorer-root').first().waitFor()
  await page.locator('.graphiql-explorer-root').getByText('effectiveMargin').first().waitFor()
  await page.getByRole('button', { name: 'Show Documentation Explorer' }).click()
  await page.locator('.graphiql-doc-explorer').getByRole('link', { name: 'Query' }).click()
  await page.getByText('Who I am and what I may do.').first().waitFor()
})

walk('a subscription shows what happens, until it is stopped', async page => {
  await page.getByLabel('Ask as').selectOption('OPERATOR')
  await page.locator('.graphiql-query-editor .CodeMirror').evaluate(editor => editor.CodeMirror.setValue('subscription { privateOfferStatusChanged { event { type } privateOffer { name status } } }'))
  const open = page.waitForResponse(response => response.headers()['content-type']?.startsWith('text/event-stream'))
  await page.getByRole('button', { name: /Execute query/ }).click()
  await open
  const [{ token }] = (await (await page.request.get(`${site}/demo/tokens`)).json()).filter(({ role }) => role === 'OPERATOR')
  const ask = async (query, variables) => {
    const answer = await page.request.post(`${site}/graphql`, { headers: { Authorization: `Bearer ${token}` }, data: { query, variables } })
    return (await answer.json()).data
  }
  const { privateOffers: { nodes: [like] } } = await ask('{ privateOffers(first: 1, where: { status: [LIVE] }) { nodes { publisherId endMonth pricing { productId } resellers { tenantId } } } }')
  const input = {
    name: 'Followed', publisherId: like.publisherId, endMonth: like.endMonth, resellers: [{ tenantId: like.resellers[0].tenantId }],
    pricing: [{ scope: { productId: like.pricing[0].productId }, margin: { percentage: '1' } }],
  }
  // The stream is open a moment before the subscription has begun: then another offer is submitted.
  const submit = async () => {
    const { createPrivateOffer: made } = await ask('mutation ($input: CreatePrivateOfferInput!) { createPrivateOffer(input: $input) { privateOffer { id } userErrors { code message } } }', { input })
    assert.deepEqual(made.userErrors, [])
    const { submitPrivateOffer: done } = await ask('mutation ($id: ID!) { submitPrivateOffer(input: { id: $id }) { userErrors { code message } } }', made.privateOffer)
    assert.deepEqual(done.userErrors, [])
  }
  const told = page.waitForFunction(() => {
    const editor = document.querySelector('.result-window')?.CodeMirror ?? document.querySelector('.result-window .CodeMirror')?.CodeMirror
    return /"name": "Followed"/.test(editor?.getValue() ?? '')
  }).then(() => true)
  do await submit()
  while (!await Promise.race([told, new Promise(resolve => setTimeout(resolve, 1000, false))]))
  await page.getByRole('button', { name: /Stop query/ }).click()
  await page.getByRole('button', { name: /Execute query/ }).waitFor()
  assert.equal(await page.getByRole('alert').isVisible(), false)
})

walk('a shared link brings the query to somebody else, without a token, and asks nothing', async (page, context) => {
  await page.getByLabel('Example').selectOption({ label: 'who am I, and what may I do?' })
  await page.getByRole('button', { name: 'Copy link' }).click()
  await page.getByText('Copied.').waitFor()
  const link = await page.evaluate(() => navigator.clipboard.readText())
  const tokens = await (await page.request.get(`${site}/demo/tokens`)).json()
  for (const { token } of tokens) {
    assert.ok(!link.includes(token) && !page.url().includes(token), 'no token is in an address')
  }
  const other = await browser.newContext()
  try {
    const fresh = await other.newPage()
    const asks = []
    fresh.on('request', request => {
      const query = request.method() === 'POST' ? request.postDataJSON()?.query : ''
      if (query) asks.push(query)
    })
    await fresh.goto(link)
    await fresh.waitForFunction(() => document.querySelector('.graphiql-query-editor .CodeMirror')?.CodeMirror.getValue().includes('query WhoAmI'))
    await fresh.locator('header output').getByText('PUBLISHER').first().waitFor()
    assert.deepEqual(asks.filter(query => query.includes('WhoAmI')), [], 'opening a link runs nothing')
    const answer = await run(fresh)
    assert.equal(answer.data.viewer.role, 'PUBLISHER')
    assert.equal(new URL(fresh.url()).hash, '')
  } finally {
    await other.close()
  }
  assert.equal(await page.evaluate(() => localStorage.length), 0, 'nothing is kept on the disk')
  await context.clearCookies()
})

walk('a reload keeps who asks', async page => {
  await page.getByLabel('Ask as').selectOption('FINANCE')
  await page.locator('header output').getByText('FINANCE').first().waitFor()
  await page.reload()
  await page.locator('header output').getByText('FINANCE').first().waitFor()
  assert.equal(await page.getByLabel('Ask as').inputValue(), 'FINANCE')
})

walk('a wrong token is told, and a right one forgets it', async page => {
  await page.getByLabel('Ask as').selectOption('OTHER')
  await page.getByLabel('Token').fill('not.a.token')
  await page.getByRole('alert').getByText('Not signed in').waitFor()
  assert.equal(await page.evaluate(() => Object.values(localStorage).join().includes('not.a.token')), false)
  await page.getByLabel('Ask as').selectOption('OPERATOR')
  await page.locator('header output').getByText('OPERATOR').first().waitFor()
  await page.getByRole('alert').waitFor({ state: 'hidden' })
}, text => text.includes('401'))

walk('too many requests are told with the time to wait', async page => {
  await page.route('**/graphql', route => route.fulfill({
    status: 429, headers: { 'Retry-After': '7', 'Content-Type': 'application/json' },
    body: JSON.stringify({ errors: [{ message: 'slower, please', extensions: { code: 'THROTTLED' } }] }),
  }))
  await page.getByRole('button', { name: /Execute query/ }).click()
  await page.getByRole('alert').getByText('Ask again in 7 s.').waitFor()
}, text => text.includes('429'))

walk('a malicious link does nothing', async page => {
  const payload = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
  const link = await page.evaluate(async value => {
    const packed = new Uint8Array(await new Response(new Blob([JSON.stringify(value)]).stream().pipeThrough(new CompressionStream('deflate-raw'))).arrayBuffer())
    return `#q1.${btoa(String.fromCharCode(...packed)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`
  }, { query: `# ${payload}\n{ viewer { role } }`, variables: payload, operationName: payload, token: payload, headers: payload })
  for (const hash of [link, '#q1.%00<script>alert(3)</script>', '#q1.AAAA', '#q1.', '#javascript:alert(4)']) {
    await page.goto('about:blank')
    await page.goto(`${site}/playground${hash}`)
    await page.getByLabel('Ask as').waitFor()
    await page.locator('header output').getByText('PUBLISHER').first().waitFor()
  }
  await page.goto('about:blank')
  await page.goto(`${site}/playground${link}`)
  await page.waitForFunction(() => document.querySelector('.graphiql-query-editor .CodeMirror')?.CodeMirror.getValue().includes('onerror'))
  assert.equal(await page.locator('img[src=x]').count(), 0)
})
