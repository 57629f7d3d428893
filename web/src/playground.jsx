// The playground: GraphiQL over this server's own API, opened with one worked example a tab.
// Addresses are relative, so that it also works behind a path prefix. Nothing comes from anywhere else.
import { useHeadersEditorState } from '@graphiql/react'
import { GraphiQLInterface, GraphiQLProvider } from 'graphiql'
import 'graphiql/graphiql.css'
import { useId } from 'react'
import { createRoot } from 'react-dom/client'
import './playground.css'

// The first line of an example says who asks: "# As a RESELLER: ...".
const roleOf = query => query.match(/^# As (?:a |an )?([A-Z]+)/)?.[1]

const headersWith = token => JSON.stringify({ Authorization: `Bearer ${token}` }, null, 2)

// list reads a JSON list, an empty one where there is none: outside the demo nobody hands out tokens,
// and people paste their own.
async function list(address) {
  const answer = await fetch(address).catch(() => null)
  return answer?.ok ? answer.json() : []
}

async function ask(operation, { headers } = {}) {
  const { Authorization, ...others } = headers ?? {}
  const answer = await fetch('graphql', {
    method: 'POST',
    credentials: 'omit',
    headers: {
      'Content-Type': 'application/json',
      Accept: 'application/graphql-response+json, application/json',
      ...others,
      // An empty token means nobody: nobody may still read the schema.
      ...(/^Bearer\s*$/.test(Authorization ?? 'Bearer') ? {} : { Authorization }),
    },
    body: JSON.stringify(operation),
  })
  const text = await answer.text()
  try {
    return JSON.parse(text)
  } catch {
    return { errors: [{ message: `HTTP ${answer.status}: ${text.slice(0, 500)}` }] }
  }
}

// Identity offers the demo's tokens and writes the chosen one into the header editor of the open tab.
function Identity({ tokens }) {
  const [headers, setHeaders] = useHeadersEditorState()
  const id = useId()
  if (tokens.length === 0) {
    return <span>Paste a token into <b>Headers</b>: <code>sellthrough token --role OPERATOR</code> prints one.</span>
  }
  const chosen = tokens.findIndex(({ token }) => headers === headersWith(token))
  return (
    <>
      <label htmlFor={id}>Ask as</label>
      <select id={id} value={chosen} onChange={event => setHeaders(headersWith(tokens[event.target.value].token))}>
        {chosen < 0 && <option value={-1}>whoever the headers say</option>}
        {tokens.map(({ role, name, organization }, index) => (
          <option key={index} value={index} title={organization}>{role}{name ? ` · ${name}` : ''}</option>
        ))}
      </select>
    </>
  )
}

function Playground({ examples, tokens }) {
  const tokenFor = role => tokens.find(token => token.role === role)?.token ?? ''
  const tabs = examples.map(query => ({ query, headers: headersWith(tokenFor(roleOf(query))) }))
  return (
    // Tabs and tokens last as long as the browser's tab does: a token never reaches the disk.
    <GraphiQLProvider
      fetcher={ask}
      storage={window.sessionStorage}
      shouldPersistHeaders
      defaultHeaders={tabs[0].headers} // also what the first tab opens with, and every new one
      defaultTabs={tabs}
    >
      <header>
        <h1>Sellthrough</h1>
        <Identity tokens={tokens} />
        <a href="schema.graphql">Schema</a>
      </header>
      <GraphiQLInterface defaultEditorToolsVisibility="headers" showPersistHeadersSettings={false} />
    </GraphiQLProvider>
  )
}

const [examples, tokens] = await Promise.all([list('playground/examples.json'), list('demo/tokens')])
createRoot(document.getElementById('playground')).render(<Playground examples={examples} tokens={tokens} />)
