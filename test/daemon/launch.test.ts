import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { DaemonConnection } from '../../server/protocol/connection.ts';
import { connectOrLaunch, daemonFolder, type LaunchOptions } from '../../server/protocol/launch.ts';
import * as messages from '../../server/protocol/messages.ts';
import { bundleSlowDaemon, isAlive, until } from './workbench.ts';

let program: string;
beforeAll(async () => {
  const bundled = await bundleSlowDaemon();
  program = bundled.program;
  return bundled.remove;
});

async function inFreshHome(test: (options: LaunchOptions) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'ssae-launch-'));
  const home = join(root, 'home');
  try {
    await test({ home, node: process.execPath, program, client: 'test' });
  } finally {
    await DaemonConnection.stop(daemonFolder(home), 'test').catch(() => false);
    await rm(root, { recursive: true, force: true, maxRetries: 10 });
  }
}

describe('a client', () => {
  it('starts the daemon where none runs, and three at the same moment share one', async () => {
    await inFreshHome(async (options) => {
      const connections = await Promise.all([1, 2, 3].map(() => connectOrLaunch(options)));
      const pids = await Promise.all(connections.map((each) => each.request(messages.ShowStatus, {})));
      expect(new Set(pids.map(({ pid }) => pid)).size).toBe(1);
      for (const each of connections) each.dispose();
      await DaemonConnection.stop(daemonFolder(options.home), 'test');
      await until('the daemon is gone', () => !isAlive(pids[0]!.pid));
    });
  });

  it('replaces a daemon that is just stopping', async () => {
    await inFreshHome(async (options) => {
      const first = await connectOrLaunch(options);
      const stopped = DaemonConnection.stop(daemonFolder(options.home), 'test');
      const second = await connectOrLaunch(options);
      await stopped;
      await first.closed;
      const third = second.endpoint.pid === first.endpoint.pid ? await connectOrLaunch(options) : second;
      expect(third.endpoint.pid).not.toBe(first.endpoint.pid);
      third.dispose();
    });
  });

  it('says what the daemon said when it cannot be started, and where to look', async () => {
    await inFreshHome(async (options) => {
      const broken = join(options.home!, '..', 'broken.mjs');
      await writeFile(broken, "throw new Error('the addon is missing');\n");
      const failed = connectOrLaunch({ ...options, program: broken });
      await expect(failed).rejects.toThrow(
        /could not be started: it exited with status 1, saying: [^]*the addon is missing/,
      );
      await expect(failed).rejects.toThrow(/See .*startup\.log and .*daemon\.log/);
      await expect(connectOrLaunch({ ...options, node: '/nonexistent/node' })).rejects.toThrow(
        /with \/nonexistent\/node/,
      );
    });
  });

  it('gives up when the daemon never answers, and leaves none running', async () => {
    await inFreshHome(async (options) => {
      const deaf = join(options.home!, '..', 'deaf.mjs');
      const mark = join(options.home!, '..', 'pid');
      await writeFile(
        deaf,
        `import { writeFileSync } from 'node:fs';\nwriteFileSync(${JSON.stringify(mark)}, String(process.pid));\nsetTimeout(() => undefined, 30_000);\n`,
      );
      const failed = connectOrLaunch({ ...options, program: deaf, deadline: 1500 });
      await expect(failed).rejects.toThrow('did not answer in time');
      const pid = Number(await readFile(mark, 'utf8'));
      await until('it is ended', () => !isAlive(pid));
    });
  });
});
