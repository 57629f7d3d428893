// Builds dist/, which is committed and embedded in the binary:  npm ci && npm run build
// The same sources give the same bytes; .ci/run rebuilds and compares.
import { build } from 'esbuild'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'

rmSync('dist', { recursive: true, force: true })

// The system's fonts serve: GraphiQL's own would be most of the style sheet.
const systemFonts = {
  name: 'system-fonts',
  setup: bundle => bundle.onLoad({ filter: /graphiql\.css$/ }, file => ({
    contents: readFileSync(file.path, 'utf8').replace(/@font-face\s*{[^}]*}/g, ''),
    loader: 'css',
  })),
}

const result = await build({
  entryPoints: ['src/playground.jsx'],
  outdir: 'dist/assets',
  entryNames: '[name]-[hash]',
  bundle: true,
  minify: true,
  keepNames: true, // GraphiQL titles its icons after its functions
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  alias: { 'react-style-singleton': './src/no-style.js' },
  define: { 'process.env.NODE_ENV': '"production"' },
  legalComments: 'none', // the licences are in dist/licenses.txt
  metafile: true,
  plugins: [systemFonts],
})

const built = Object.keys(result.metafile.outputs).map(name => basename(name))
writeFileSync('dist/playground.html', readFileSync('src/playground.html', 'utf8')
  .replace('STYLE', built.find(name => name.endsWith('.css')))
  .replace('SCRIPT', built.find(name => name.endsWith('.js'))))

// Whoever passes the bundle on passes these on with it.
const packages = new Set(Object.values(result.metafile.outputs)
  .flatMap(output => Object.entries(output.inputs))
  .filter(([, use]) => use.bytesInOutput > 0)
  .map(([path]) => path.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//)?.[1])
  .filter(Boolean))
const licenses = [...packages].sort().map(folder => {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'))
  const file = readdirSync(folder).find(entry => /^licen[cs]e/i.test(entry))
  return `${name} ${version} (${license})\n\n${file ? readFileSync(`${folder}/${file}`, 'utf8').trim() + '\n' : ''}`
})
writeFileSync('dist/licenses.txt', licenses.join(`\n${'-'.repeat(80)}\n\n`))
