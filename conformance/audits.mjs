// The GraphQL over HTTP audits of graphql-http against a running server:
//   node audits.mjs http://127.0.0.1:8080/graphql
//   node audits.mjs ../sellthrough      (starts that program on an empty database, and ends it)
// Prints one line an audit. Ends with 1 unless all of them pass, and they are as many as we know.
import { serverAudits } from 'graphql-http';
import { started } from './started.mjs';

const known = 61;

const target = process.argv[2];
if (!target) {
  console.error('usage: node audits.mjs URL|PROGRAM');
  process.exit(2);
}
const server = target.startsWith('http') ? { url: target, end() {} } : await started(target);
let failed = 0;
let count = 0;
try {
  for (const audit of serverAudits({ url: server.url })) {
    const result = await audit.fn();
    const level = audit.name.match(/^(MUST|SHOULD|MAY)( NOT)?/)[0];
    const passed = result.status === 'ok';
    count++;
    failed += passed ? 0 : 1;
    console.log(`${audit.id}  ${level.padEnd(7)} ${passed ? 'pass' : 'FAIL'}  ${audit.name.slice(level.length + 1)}`);
    if (!passed) console.log(`      ${result.reason}`);
  }
} finally {
  await server.end();
}
console.log(`${count - failed} of ${count} audits pass`);
if (count !== known) console.error(`there are ${count} audits, not ${known}: look at what changed`);
process.exit(failed > 0 || count !== known ? 1 : 0);
