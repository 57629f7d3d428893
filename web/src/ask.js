// How the page speaks to its server.

// post asks as whoever the token names, nobody without one; headers are those that were typed in the
// editor, and win. It answers {status, wait, body}: status 0 where no server answers, wait in seconds
// where it says how long; body always is a GraphQL answer.
export async function post(operation, token, headers) {
  let answer
  try {
    answer = await fetch('graphql', {
      method: 'POST',
      credentials: 'omit',
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/graphql-response+json, application/json',
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
        ...headers,
      },
      body: JSON.stringify(operation),
    })
  } catch (error) {
    return { status: 0, wait: null, body: { errors: [{ message: String(error.message ?? error) }] } }
  }
  const [status, wait, text] = [answer.status, answer.headers.get('Retry-After'), await answer.text()]
  try {
    return { status, wait, body: JSON.parse(text) }
  } catch {
    return { status, wait, body: { errors: [{ message: `HTTP ${status}: ${text.slice(0, 500)}` }] } }
  }
}

// follow asks for a subscription, over server-sent events. It is an async iterable of what post answers, one for
// each event; a stream that was cut says so at its end. return() gives it up.
export function follow(operation, token, headers) {
  const given = new AbortController()
  const answers = events(operation, token, headers, given.signal)
  return {
    [Symbol.asyncIterator]() { return this },
    next: () => answers.next(),
    return: () => {
      given.abort() // a generator that waits for the network would not hear of it
      return Promise.resolve({ done: true, value: undefined })
    },
  }
}

async function* events(operation, token, headers, signal) {
  const failed = (status, message, wait = null) => ({ status, wait, body: { errors: [{ message }] } })
  try {
    const answer = await fetch('graphql', {
      method: 'POST',
      credentials: 'omit',
      signal,
      headers: {
        'Content-Type': 'application/json',
        Accept: 'text/event-stream',
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
        ...headers,
      },
      body: JSON.stringify(operation),
    })
    if (!answer.headers.get('Content-Type')?.startsWith('text/event-stream')) {
      const text = await answer.text()
      try {
        yield { status: answer.status, wait: answer.headers.get('Retry-After'), body: JSON.parse(text) }
      } catch {
        yield failed(answer.status, `HTTP ${answer.status}: ${text.slice(0, 500)}`)
      }
      return
    }
    let rest = ''
    for await (const text of texts(answer.body.pipeThrough(new TextDecoderStream()))) {
      const parts = (rest + text).split('\n\n')
      rest = parts.pop()
      for (const part of parts) {
        const [, name] = part.match(/^event: (.*)$/m) ?? []
        if (name === 'complete') return
        if (name === 'next') yield { status: answer.status, wait: null, body: JSON.parse(part.match(/^data: (.*)$/m)[1]) }
      }
    }
    yield failed(0, 'the stream was cut')
  } catch (error) {
    if (!signal.aborted) yield failed(0, String(error.message ?? error))
  }
}

// texts are what a stream holds: not every browser's can be looped over.
async function* texts(stream) {
  const reader = stream.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    yield value
  }
}

// trouble says what to do where the request as a whole was refused, '' where it was not: refusals that
// belong to one field are in the answer, for everybody to read.
export function trouble({ status, wait, body }, introspection) {
  const [first] = body.errors ?? []
  const code = first?.extensions?.code
  switch (true) {
    case status === 0:
      return 'The server does not answer. Is it running?'
    case !first || body.data != null:
      return ''
    case code === 'UNAUTHENTICATED' || status === 401:
      return `Not signed in: ${first.message}. Choose somebody in “Ask as”, or paste a new token.`
    case status === 429 || code === 'THROTTLED':
      return `Too many requests: ${first.message}.${wait ? ` Ask again in ${wait} s.` : ''}`
    case introspection:
      return `The server does not show its schema here, so there is no completion and no documentation: ${first.message}.`
    case /PERSISTED|TRUSTED/.test(code):
      return `The server answers registered documents only: ${first.message}.`
    case code === 'FORBIDDEN' || status === 403:
      return `Not allowed as this viewer: ${first.message}.`
    default:
      return status >= 500 ? `The server failed (HTTP ${status}): ${first.message}.` : ''
  }
}
