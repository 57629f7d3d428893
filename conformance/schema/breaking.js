// Fails on a change that breaks programs written for the last release, unless CHANGELOG.md announces it:
//   npm ci && npm run breaking
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { announced, breaking, current, released } from './releases.js'

const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../..')
const last = released(root)
const known = announced(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'))
const changes = await breaking(last.source, current(root))
const silent = changes.filter(({ path }) => !known.has(path))
for (const { path, message } of silent) console.log(`${path}: ${message}`)
console.log(`since ${last.name}: ${changes.length} breaking changes, ${silent.length} of them not announced`)
if (silent.length > 0) {
  console.log('Make it an addition beside what is there, and deprecate that; or name the path in `backquotes` under "### Breaking" of CHANGELOG.md\'s Unreleased section.')
  process.exitCode = 1
}
