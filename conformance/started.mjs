import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

/**
 * Starts the program on an empty embedded database and a free port. stop() ends it as an operator does, again()
 * starts it on the same port and database, end() ends it and leaves nothing.
 */
export async function started(program, ...flags) {
  const folder = await mkdtemp(path.join(tmpdir(), 'sellthrough-'));
  const database = `sqlite:${path.join(folder, 'market.db')}`;
  let child;
  let ended;
  const start = (address) => {
    child = spawn(path.resolve(program), ['serve', '--database', database, '--listen', address, ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
    ended = new Promise((resolve) => child.once('exit', resolve));
    const said = [];
    return new Promise((resolve, reject) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        said.push(line);
        const found = line.match(/http:\/\/\S+\/graphql/);
        if (found) resolve(found[0].replace(/,$/, ''));
      });
      child.once('error', reject);
      ended.then(() => reject(new Error(`${program} ended at once:\n${said.join('\n')}`)));
    });
  };
  const url = await start('127.0.0.1:0');
  const stop = async () => {
    child.kill();
    await ended;
  };
  return {
    url,
    database,
    stop,
    again: () => start(new URL(url).host),
    async end() {
      await stop();
      await rm(folder, { recursive: true });
    },
  };
}
