// The playground: GraphiQL over this server's own API, with worked examples for each role.
// Addresses are relative, so that it also works behind a path prefix. Nothing comes from anywhere else.
import { explorerPlugin } from '@graphiql/plugin-explorer'
import '@graphiql/plugin-explorer/dist/style.css'
import { useEditorContext, useSchemaContext } from '@graphiql/react'
import { GraphiQLInterface, GraphiQLProvider } from 'graphiql'
import 'graphiql/graphiql.css'
import { getOperationAST, parse } from 'graphql'
import { useEffect, useId, useRef, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { follow, post, trouble } from './ask.js'
import './playground.css'
import { read, write } from './share.js'

// list reads a JSON list, an empty one where there is none: outside the demo nobody hands out tokens,
// and people paste their own.
async function list(address) {
  const answer = await fetch(address, { credentials: 'omit' }).catch(() => null)
  return answer?.ok ? answer.json() : []
}

// What the browser's tab keeps until it is closed. A pasted token never reaches the disk or an address.
const kept = window.sessionStorage
const CHOICE = 'sellthrough.choice'
const PASTED = 'sellthrough.token'

const NOBODY = 'NOBODY'
const OTHER = 'OTHER'

// Identity says as whom to ask: one of the demo's desks, somebody with a token of their own, or nobody.
function Identity({ desks, choice, choose, pasted, paste, viewer }) {
  const [select, input, who] = [useId(), useId(), useId()]
  return (
    <>
      <label htmlFor={select}>Ask as</label>
      <select id={select} value={choice} aria-describedby={who} onChange={event => choose(event.target.value)}>
        {desks.map(({ role, name, organization }) => (
          <option key={role} value={role} title={organization}>{role}{name ? ` · ${name}` : ''}</option>
        ))}
        <option value={OTHER}>whom my token names</option>
        <option value={NOBODY}>nobody</option>
      </select>
      {choice === OTHER && (
        <>
          <label htmlFor={input}>Token</label>
          <input
            id={input} type="password" autoComplete="off" spellCheck={false} value={pasted}
            placeholder="sellthrough token --role OPERATOR" onChange={event => paste(event.target.value.trim())}
          />
        </>
      )}
      <output id={who} htmlFor={select}>{viewer}</output>
    </>
  )
}

// Examples puts an example into the open tab. The editor's undo brings back what was there.
function Examples({ examples, choice, open }) {
  const id = useId()
  const roles = [...new Set(examples.map(({ role }) => role))]
  roles.sort((a, b) => (b === choice) - (a === choice))
  return (
    <>
      <label htmlFor={id}>Example</label>
      <select id={id} value="" onChange={event => open(examples[event.target.value])}>
        <option value="" disabled>choose what to ask</option>
        {roles.map(role => (
          <optgroup key={role} label={role}>
            {examples.map((example, index) => example.role === role && <option key={index} value={index}>{example.title}</option>)}
          </optgroup>
        ))}
      </select>
    </>
  )
}

// Share makes an address of what the open tab asks, without who asks.
function Share() {
  const { queryEditor, variableEditor, tabs, activeTabIndex } = useEditorContext({ nonNull: true })
  const [said, say] = useState('')
  async function copy() {
    const address = await write({
      query: queryEditor?.getValue() ?? '',
      variables: variableEditor?.getValue() ?? '',
      operationName: tabs[activeTabIndex]?.operationName ?? '',
    })
    try {
      await navigator.clipboard.writeText(address)
      say('Copied.')
    } catch { // not allowed, or no secure page: the address bar can be copied by hand
      history.replaceState(null, '', address)
      say('The link is in the address bar.')
    }
  }
  return <><button type="button" onClick={copy}>Copy link</button><output>{said}</output></>
}

function Bar({ examples, desks, identity, shared, problem }) {
  const { queryEditor, variableEditor, setOperationName } = useEditorContext({ nonNull: true })
  const { introspect, schema } = useSchemaContext({ nonNull: true })
  const { choice, choose, token } = identity

  function fill({ query, variables = '', operationName = '' }) {
    variableEditor?.setValue(variables)
    queryEditor?.setValue(query)
    // GraphiQL reads the new text a moment later, and would run the old operation until then.
    if (queryEditor) queryEditor.operationName = operationName || null
    setOperationName(operationName)
  }

  // A link that is opened here asks nothing by itself.
  const filled = useRef(fill)
  filled.current = fill
  const ready = Boolean(queryEditor && variableEditor)
  useEffect(() => {
    if (!ready) return undefined
    if (shared) filled.current(shared)
    const opened = async () => {
      const operation = await read(location)
      if (operation) filled.current(operation)
    }
    window.addEventListener('hashchange', opened)
    return () => window.removeEventListener('hashchange', opened)
  }, [ready, shared])

  // A server may show its schema to signed-in viewers only.
  useEffect(() => { if (schema === null) introspect() }, [token])

  function open(example) {
    if (desks.some(({ role }) => role === example.role)) choose(example.role)
    fill(example)
  }
  return (
    <>
      <header>
        <h1>Sellthrough</h1>
        <Examples examples={examples} choice={choice} open={open} />
        <Share />
        <Identity desks={desks} {...identity} />
        <a href="schema.graphql">Schema</a>
      </header>
      <p role="alert" hidden={!problem}>{problem}</p>
    </>
  )
}

// named finds which operation of its own text is asked for. Right after a change the editor still gives the
// name of an operation that was there before: the text decides.
function named(operation) {
  try {
    const document = parse(operation.query)
    const chosen = getOperationAST(document, operation.operationName)
    if (chosen) return { operation, type: chosen.operation }
    return { operation: { ...operation, operationName: undefined }, type: getOperationAST(document)?.operation }
  } catch {
    return { operation } // the server says what is wrong with it
  }
}

function Playground({ examples, desks, shared }) {
  const known = choice => [NOBODY, OTHER, ...desks.map(({ role }) => role)].includes(choice)
  const [choice, setChoice] = useState(() => {
    const before = kept.getItem(CHOICE)
    return known(before) ? before : desks[0]?.role ?? OTHER
  })
  const [pasted, setPasted] = useState(() => kept.getItem(PASTED) ?? '')
  const [viewer, setViewer] = useState('')
  // What is wrong, by what was asked for: an answer about one says nothing of the others.
  const [problems, setProblems] = useState({ operation: '', identity: '', schema: '' })
  // The same again is no change: rendering anew, GraphiQL would ask for the schema again.
  const note = (about, problem) => setProblems(before => before[about] === problem ? before : { ...before, [about]: problem })
  const problem = problems.operation || problems.identity || problems.schema
  const token = choice === OTHER ? pasted : desks.find(({ role }) => role === choice)?.token ?? ''
  const asking = useRef(token)
  asking.current = token

  async function ask(asked, { headers } = {}) {
    const { operation, type } = named(asked)
    if (type === 'subscription') return told(follow(operation, asking.current, headers))
    const answer = await post(operation, asking.current, headers)
    const introspection = operation.operationName === 'IntrospectionQuery'
    note(introspection ? 'schema' : 'operation', trouble(answer, introspection))
    return answer.body
  }

  // What a subscription is told, with what to do where it is refused or cut.
  function told(answers) {
    return {
      [Symbol.asyncIterator]() { return this },
      async next() {
        const { done, value } = await answers.next()
        if (!done) note('operation', trouble(value, false))
        return { done, value: value?.body }
      },
      return: () => answers.return(),
    }
  }

  // Who the server takes the token for, in its own words.
  useEffect(() => {
    let current = true
    note('operation', '') // somebody else asks now
    setViewer(token ? '…' : 'nobody: the schema only')
    if (token) {
      post({ query: '{ viewer { role organization subject } }' }, token).then(answer => {
        if (!current) return
        const who = answer.body.data?.viewer
        setViewer(who ? [who.role, who.organization, who.subject].filter(Boolean).join(' · ') : answer.status === 401 ? 'not signed in' : 'who, the server does not say')
        note('identity', who ? '' : trouble(answer))
      })
    } else {
      note('identity', '')
    }
    return () => { current = false }
  }, [token])

  const identity = {
    choice, pasted, viewer, token,
    choose: value => { kept.setItem(CHOICE, value); setChoice(value) },
    paste: value => { kept.setItem(PASTED, value); setPasted(value) },
  }
  const [explorer] = useState(() => explorerPlugin())
  const [first] = useState(() => examples.find(({ role }) => role === choice) ?? examples[0])
  return (
    <GraphiQLProvider fetcher={ask} storage={kept} plugins={[explorer]} defaultQuery={first?.query} shouldPersistHeaders={false}>
      <Bar examples={examples} desks={desks} identity={identity} shared={shared} problem={problem} />
      <GraphiQLInterface showPersistHeadersSettings={false} />
    </GraphiQLProvider>
  )
}

const [examples, desks, shared] = await Promise.all([list('playground/examples.json'), list('demo/tokens'), read(location)])
if (shared) history.replaceState(null, '', location.pathname + location.search) // a reload keeps what was edited since
createRoot(document.getElementById('playground')).render(<Playground examples={examples} desks={desks} shared={shared} />)
