// A query as an address: {query, variables, operationName}, compressed, in the fragment, which browsers
// send to no server. Never a token.

const version = '#q1.'
const longest = 1 << 20 // bytes that a link may unfold to

const through = (bytes, transform) => new Blob([bytes]).stream().pipeThrough(transform)

// write makes an absolute address of an operation.
export async function write({ query, variables, operationName }) {
  const text = new TextEncoder().encode(JSON.stringify({ query, variables, operationName }))
  const packed = new Uint8Array(await new Response(through(text, new CompressionStream('deflate-raw'))).arrayBuffer())
  let binary = ''
  for (const byte of packed) binary += String.fromCharCode(byte)
  const folded = btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
  return new URL(version + folded, location.href).href
}

// read is the operation in an address, null where there is none, or a broken one. What comes back is text
// for the editors and nothing else.
export async function read({ hash }) {
  if (!hash.startsWith(version)) return null
  try {
    const binary = atob(hash.slice(version.length).replaceAll('-', '+').replaceAll('_', '/'))
    const packed = Uint8Array.from(binary, letter => letter.charCodeAt(0))
    let [text, size] = ['', 0]
    const decoder = new TextDecoder()
    const reader = through(packed, new DecompressionStream('deflate-raw')).getReader()
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      size += part.value.length
      if (size > longest) {
        await reader.cancel()
        return null
      }
      text += decoder.decode(part.value, { stream: true })
    }
    const { query, variables, operationName } = JSON.parse(text)
    const plain = value => (typeof value === 'string' ? value : '')
    return { query: plain(query), variables: plain(variables), operationName: plain(operationName) }
  } catch {
    return null
  }
}
