// Subscriptions by the reference clients of both protocols, graphql-ws and graphql-sse, against the program:
//   node streams.mjs ../sellthrough      (starts that program on an empty database, and ends it)
// Prints one line a check. Ends with 1 unless all of them pass.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { promisify } from 'node:util';
import { createClient as createEvents } from 'graphql-sse';
import { createClient as createSocket } from 'graphql-ws';
import WebSocket from 'ws';
import { started } from './started.mjs';

const program = process.argv[2];
if (!program) {
  console.error('usage: node streams.mjs PROGRAM');
  process.exit(2);
}
const partner = '11111111-1111-4111-8111-111111111111';
const life = ['SUBMITTED', 'AUTHORIZED', 'PUBLISHED', 'LIVE'];
const steps = `subscription ($after: String) {
  privateOfferStatusChanged(after: $after) { cursor event { type } statusAfter privateOffer { name } }
}`;

const server = await started(program, '--log-level', 'ERROR');
const token = async (...flags) => (await promisify(execFile)(path.resolve(program), ['token', '--database', server.database, ...flags])).stdout.trim();

async function ask(credential, query, variables) {
  const answer = await fetch(server.url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${credential}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await answer.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

const operator = await token('--role', 'OPERATOR');
await ask(operator, 'mutation ($input: RecordCatalogueInput!) { recordCatalogue(input: $input) { results { status } userErrors { code } } }', {
  input: {
    records: [
      { publisher: { id: 'contoso', name: 'Contoso', country: 'US', payoutCurrency: 'USD', accountActive: true, enrolled: true } },
      { reseller: { tenantId: partner, name: 'Northwind', type: 'DIRECT_BILL', country: 'US', billingCurrency: 'USD', inCspProgram: true } },
      { product: { id: 'mail', publisherId: 'contoso', title: 'Mail', type: 'SAAS', published: true, public: true, transactable: true, cspOptIn: 'NONE' } },
    ],
  },
});
const contoso = await token('--role', 'PUBLISHER', '--organization', 'contoso');

/** Creates an offer and submits it; the worker does the rest. */
async function submit(name) {
  const end = `${new Date().getUTCFullYear() + 1}-12`;
  const { createPrivateOffer: made } = await ask(
    contoso,
    `mutation ($input: CreatePrivateOfferInput!) { createPrivateOffer(input: $input) { privateOffer { id } userErrors { field code message } } }`,
    { input: { name, endMonth: end, pricing: [{ scope: { productId: 'mail' }, margin: { percentage: '10' } }], resellers: [{ tenantId: partner }] } },
  );
  if (!made.privateOffer) throw new Error(JSON.stringify(made.userErrors));
  const { submitPrivateOffer: done } = await ask(
    contoso,
    `mutation ($id: ID!) { submitPrivateOffer(input: { id: $id }) { userErrors { field code message } } }`,
    { id: made.privateOffer.id },
  );
  if (done.userErrors.length) throw new Error(JSON.stringify(done.userErrors));
}

const socket = (credential = contoso, more = {}) =>
  createSocket({
    url: server.url.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: `Bearer ${credential}` },
    retryAttempts: 20,
    shouldRetry: () => true,
    ...more,
  });
const events = (credential = contoso, more = {}) =>
  createEvents({ url: server.url, headers: { Authorization: `Bearer ${credential}` }, retryAttempts: 20, ...more });

/**
 * Subscribes, and collects what comes. until(n) waits for n steps, over() for the end, refused or not. variables are
 * read anew by each connection.
 */
function collect(client, query = steps, variables = {}) {
  const got = [];
  let wake = () => {};
  let end;
  const ended = new Promise((resolve) => (end = resolve));
  const stop = client.subscribe(
    { query, variables },
    {
      next(answer) {
        got.push(answer);
        wake();
      },
      error: (error) => end({ error }),
      complete: () => end({}),
    },
  );
  return {
    got,
    stop,
    over: () => within(ended, 'the end'),
    async until(n) {
      while (got.length < n) await within(Promise.race([new Promise((resolve) => (wake = resolve)), ended.then((e) => Promise.reject(e.error ?? new Error('it ended')))]), `step ${n}`);
      return got.slice(0, n).map(step);
    },
  };
}

const step = ({ data, errors }) => {
  if (errors) throw new Error(JSON.stringify(errors));
  return data.privateOfferStatusChanged;
};

function within(promise, what, seconds = 30) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`${what} did not come within ${seconds} s`)), seconds * 1000)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function same(got, want) {
  if (JSON.stringify(got) !== JSON.stringify(want)) throw new Error(`got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}

/** Opens a bare socket, sends messages, and returns how it was closed. */
const closed = (...messages) =>
  within(
    new Promise((resolve, reject) => {
      const bare = new WebSocket(server.url.replace('http', 'ws'), 'graphql-transport-ws');
      bare.on('open', () => messages.forEach((message) => bare.send(typeof message === 'string' ? message : JSON.stringify(message))));
      bare.on('close', (code) => resolve(code));
      bare.on('error', reject);
    }),
    'the close',
  );

/** Resolves once a subscription that was just asked for has begun: it is told of offers that are submitted until it is. */
async function begun(collected) {
  const before = collected.got.length;
  for (let i = 0; collected.got.length === before; i++) {
    if (i > 50) throw new Error('the subscription does not begin');
    await submit(`To begin ${randomUUID()}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** The cursor after everything that has happened so far, when all is quiet. */
async function present(client) {
  const listening = collect(client);
  await begun(listening);
  for (let seen = -1; seen !== listening.got.length; ) {
    seen = listening.got.length;
    await new Promise((resolve) => setTimeout(resolve, 3000));
  }
  listening.stop();
  return step(listening.got.at(-1)).cursor;
}

const init = { type: 'connection_init', payload: { Authorization: `Bearer ${contoso}` } };
const checks = [];
const check = (name, run) => checks.push({ name, run });

for (const [protocol, connect] of Object.entries({ 'graphql-ws': socket, 'graphql-sse': events })) {
  check(`${protocol}: the life of an offer, in order, and again from each cursor`, async () => {
    const after = await present(connect());
    const first = collect(connect(), steps, { after });
    await submit('One');
    const told = await first.until(life.length);
    same(told.map((s) => `${s.privateOffer.name} ${s.event.type}`), life.map((type) => `One ${type}`));
    same(told.map((s) => s.statusAfter), ['IN_PROGRESS', 'IN_PROGRESS', 'IN_PROGRESS', 'LIVE']);
    first.stop();
    for (let i = 0; i < life.length - 1; i++) {
      const rest = collect(connect(), steps, { after: told[i].cursor });
      same((await rest.until(life.length - 1 - i)).map((s) => s.cursor), told.slice(i + 1).map((s) => s.cursor));
      rest.stop();
    }
  });
  check(`${protocol}: a restart of the server loses nothing and repeats nothing`, async () => {
    let after = await present(connect());
    const told = [];
    // A client that keeps its cursor: what is asked anew, asks from there.
    const variables = {
      get after() {
        return after;
      },
    };
    const client = connect();
    let stop = () => {};
    const all = new Promise((resolve, reject) => {
      const follow = () => {
        stop = client.subscribe(
          { query: steps, variables },
          {
            next(answer) {
              const s = step(answer);
              after = s.cursor;
              told.push(`${s.privateOffer.name} ${s.event.type}`);
              if (told.length === 3 * life.length) resolve();
            },
            error: reject,
            complete: () => reject(new Error('it was completed, so nobody would connect again')),
          },
        );
      };
      follow();
    });
    all.catch(() => {});
    await submit('Before');
    await within(
      (async () => {
        while (told.length < life.length) await new Promise((resolve) => setTimeout(resolve, 100));
      })(),
      'the first offer',
    );
    for (const name of ['Between', 'After']) {
      await server.stop();
      await server.again();
      await submit(name);
    }
    await within(all, 'the last step', 60);
    stop();
    same(told, ['Before', 'Between', 'After'].flatMap((name) => life.map((type) => `${name} ${type}`)));
  });
  check(`${protocol}: a query is answered once`, async () => {
    const query = collect(connect(), '{ viewer { role organization } }');
    same(await query.over(), {});
    same(query.got.map((answer) => answer.data), [{ viewer: { role: 'PUBLISHER', organization: 'contoso' } }]);
  });
}
check('graphql-ws: an unknown field is an error of the operation', async () => {
  const { error } = await collect(socket(), 'subscription { nope }').over();
  same(error.map((e) => e.extensions.code), ['GRAPHQL_VALIDATION_FAILED']);
});
check('graphql-sse: an unknown field is an answer with errors', async () => {
  const answers = collect(events(), 'subscription { nope }');
  same(await answers.over(), {});
  same(answers.got.map((answer) => answer.errors[0].extensions.code), ['GRAPHQL_VALIDATION_FAILED']);
});
check('graphql-ws: a wrong token is 4403', async () => {
  const { error } = await collect(socket('wrong', { shouldRetry: () => false })).over();
  same(error.code, 4403);
});
check('graphql-sse: a wrong token is 401', async () => {
  const { error } = await collect(events('wrong', { retryAttempts: 0 })).over();
  same(error.response?.status, 401);
});
check('graphql-ws: more operations than may run are refused, each for itself', async () => {
  const client = socket();
  const running = Array.from({ length: 50 }, () => collect(client));
  const query = collect(client, '{ viewer { role } }');
  const { error } = await query.over();
  same(error[0].extensions.code, 'TOO_MANY_OPERATIONS');
  running[0].stop();
  for (;;) {
    const again = collect(client, '{ viewer { role } }');
    const { error } = await again.over();
    if (!error) break;
    same(error[0].extensions.code, 'TOO_MANY_OPERATIONS');
  }
  running.forEach((one) => one.stop());
  await client.dispose();
});
for (const [protocol, connect] of Object.entries({ 'graphql-ws': socket, 'graphql-sse': events })) {
  check(`${protocol}: a connection ends with its API key, within seconds`, async () => {
    const { createApiKey: made } = await ask(contoso, `mutation { createApiKey(input: { name: "stream", scopes: [PRIVATE_OFFERS_READ] }) { apiKey { apiKeyId } secret } }`);
    const following = collect(connect(made.secret, { shouldRetry: () => false, retryAttempts: 0 }));
    await begun(following);
    await ask(contoso, 'mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { userErrors { code } } }', { id: made.apiKey.apiKeyId });
    const { error } = await following.over();
    same(error?.code ?? following.got.at(-1).errors[0].extensions.code, protocol === 'graphql-ws' ? 4403 : 'UNAUTHENTICATED');
  });
}
const subscribe = { id: '1', type: 'subscribe', payload: { query: steps } };
for (const [code, name, messages] of [
  [4400, 'a message that is none', ['hello']],
  [4401, 'an operation before the acknowledgement', [subscribe]],
  [4408, 'no connection_init', []],
  [4409, 'two operations of one id', [init, subscribe, subscribe]],
  [4429, 'two connection_init', [init, init]],
  [4403, 'nobody', [{ type: 'connection_init' }]],
]) {
  check(`WebSocket: ${name} is ${code}`, async () => same(await closed(...messages), code));
}
check('WebSocket: a stop of the server is 1001', async () => {
  const code = closed(init);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await server.stop();
  same(await code, 1001);
  await server.again();
});

let failed = 0;
try {
  for (const { name, run } of checks) {
    try {
      await run();
      console.log(`pass  ${name}`);
    } catch (error) {
      failed++;
      console.log(`FAIL  ${name}\n      ${error?.message ?? JSON.stringify(error)}`);
    }
  }
} finally {
  await server.end();
}
console.log(`${checks.length - failed} of ${checks.length} checks pass`);
process.exit(failed > 0 ? 1 : 0);
