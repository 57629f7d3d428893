import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { announced, breaking, current, released } from './releases.js'

const root = new URL('../..', import.meta.url).pathname

test('what breaks programs is seen, and what does not is not', async () => {
  const before = released(root).source
  const without = before.replace('  viewer: Viewer! ', '  whoever: Viewer! ')
  assert.notEqual(without, before)
  assert.deepEqual((await breaking(before, without)).map(({ path }) => path), ['Query.viewer'])
  const more = before.replace('  viewer: Viewer! ', '  whoever: Viewer!\n  viewer: Viewer! ')
  assert.deepEqual(await breaking(before, more), [])
  const needed = before.replace('input SubmitPrivateOfferInput {', 'input SubmitPrivateOfferInput {\n  reason: String!')
  assert.deepEqual((await breaking(before, needed)).map(({ path }) => path), ['SubmitPrivateOfferInput.reason'])
})

test('the current contract is whole', async () => {
  assert.deepEqual(await breaking(current(root), current(root)), [])
})

test('only the Unreleased section announces, and only under Breaking', () => {
  const changelog = '# Changelog\n\n## [Unreleased]\n\n### Added\n\n- `Query.new`\n\n### Breaking\n\n- `Query.old` is gone, `A.b` too\n\n### Fixed\n\n- `C.d`\n\n## [0.1.0]\n\n### Breaking\n\n- `E.f`\n'
  assert.deepEqual([...announced(changelog)], ['Query.old', 'A.b'])
  assert.deepEqual([...announced('# Changelog\n')], [])
})

test('the last release is the newest file, or a tag that is newer', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sellthrough-releases-'))
  const git = (...words) => execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...words], { cwd: folder })
  try {
    mkdirSync(join(folder, 'schema/releases'), { recursive: true })
    for (const version of ['v0.2.0', 'v0.10.0', 'v0.9.1']) writeFileSync(join(folder, `schema/releases/${version}.graphql`), `type Query { of: ID } # ${version}`)
    writeFileSync(join(folder, 'schema/b.graphqls'), 'extend type Query { b: ID }')
    writeFileSync(join(folder, 'schema/a.graphqls'), 'type Query { a: ID }')
    assert.equal(released(folder).name, 'v0.10.0.graphql')
    git('init', '-q')
    git('add', '.')
    git('commit', '-qm', 'all')
    git('tag', 'v0.10.0')
    assert.equal(released(folder).name, 'v0.10.0.graphql')
    git('tag', 'v0.11.0')
    const { name, source } = released(folder)
    assert.equal(name, 'v0.11.0')
    assert.equal(source, 'type Query { a: ID }\nextend type Query { b: ID }')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
