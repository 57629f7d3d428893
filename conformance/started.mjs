import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** Starts the program on an empty embedded database and a free port. end() ends it and leaves nothing. */
export async function started(program, ...flags) {
  const folder = await mkdtemp(path.join(tmpdir(), 'sellthrough-'));
  const child = spawn(path.resolve(program), ['serve', '--database', `sqlite:${path.join(folder, 'market.db')}`, '--listen', '127.0.0.1:0', ...flags], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const said = [];
  const url = await new Promise((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      said.push(line);
      const found = line.match(/http:\/\/\S+\/graphql/);
      if (found) resolve(found[0].replace(/,$/, ''));
    });
    child.once('error', reject);
    ended.then(() => reject(new Error(`${program} ended at once:\n${said.join('\n')}`)));
  });
  return {
    url,
    async end() {
      child.kill();
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}
