// What the contract was, and what of it has changed.
import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { CriticalityLevel, diff } from '@graphql-inspector/core'
import { buildSchema } from 'graphql'

const number = name => name.match(/^v(\d+)\.(\d+)\.(\d+)(?:\.graphql)?$/)?.slice(1).map(Number)
const newer = (a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]
const newest = names => names.filter(number).sort((a, b) => newer(number(a), number(b))).at(-1)

// joined is the schema of a folder as one document, as GET /schema.graphql answers it.
const joined = (names, read) => names.filter(name => name.endsWith('.graphqls')).sort().map(read).join('\n')

// current is the contract as it is in the repository at root.
export const current = root => joined(readdirSync(join(root, 'schema')), name => readFileSync(join(root, 'schema', name), 'utf8'))

// released is {name, source} of the last release: the newest file of schema/releases, which a shallow clone
// has too, or a tag that is newer.
export function released(root) {
  const file = newest(readdirSync(join(root, 'schema/releases')))
  const git = (...words) => execFileSync('git', words, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  let tag
  try {
    tag = newest(git('tag', '--list', 'v*').split('\n'))
  } catch {} // no repository, as in an archive
  if (tag && (!file || newer(number(tag), number(file)) > 0)) {
    const names = git('ls-tree', '--name-only', tag, 'schema/').split('\n')
    return { name: tag, source: joined(names, name => git('show', `${tag}:${name}`)) }
  }
  if (!file) throw new Error('schema/releases holds no vX.Y.Z.graphql')
  return { name: file, source: readFileSync(join(root, 'schema/releases', file), 'utf8') }
}

// breaking are the changes that break a program written for before, as {path, message}.
export async function breaking(before, after) {
  const changes = await diff(buildSchema(before), buildSchema(after))
  return changes
    .filter(({ criticality }) => criticality.level === CriticalityLevel.Breaking)
    .map(({ path, message }) => ({ path: path ?? '', message }))
}

// announced are the paths that the changelog names, in `backquotes`, under "### Breaking" of its
// Unreleased section.
export function announced(changelog) {
  const unreleased = changelog.split(/^## \[/m).find(section => section.startsWith('Unreleased]')) ?? ''
  const section = unreleased.split(/^### /m).find(part => part.startsWith('Breaking')) ?? ''
  return new Set([...section.matchAll(/`([^`]+)`/g)].map(([, path]) => path))
}
