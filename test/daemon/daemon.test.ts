import { existsSync } from 'node:fs';
import { chmod, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { UsageError, WorkError } from '../../server/foundation/errors.ts';
import { DaemonConnection } from '../../server/protocol/connection.ts';
import { newestEndpoint } from '../../server/protocol/endpoint.ts';
import * as messages from '../../server/protocol/messages.ts';
import { bundleSlowDaemon, isAlive, until, Workbench } from './workbench.ts';

let program: string;
beforeAll(async () => {
  const bundled = await bundleSlowDaemon();
  program = bundled.program;
  return bundled.remove;
});

const hello = (protocol: number, token: string): object => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'hello',
  params: { protocol, token, client: 'raw' },
});

describe('a daemon', () => {
  it('starts, says hello, tells its status, answers a query and stops when asked', async () => {
    await using bench = new Workbench(program);
    const { exit, child } = await bench.start();
    const client = await bench.connect();
    const status = await client.request(messages.ShowStatus, {});
    expect(status).toMatchObject({
      pid: child.pid,
      clients: 1,
      jobs: { queued: 0, running: 0 },
      version: '0.0.0-test',
    });
    expect(await client.request(messages.ListModels, {})).toHaveLength(1);
    expect(await DaemonConnection.stop(bench.home.daemon, 'test')).toBe(true);
    expect(await exit).toBe(0);
    expect(await DaemonConnection.open(bench.home.daemon, 'test')).toBeNull();
    expect(await readFile(status.log, 'utf8')).toContain('daemon stopped');
  });

  it('says how far a query is to whoever asked to know, not more often than ten times a second', async () => {
    await using bench = new Workbench(program);
    await bench.start();
    const client = await bench.connect();
    const request = { model: 'builtin', input: { kind: 'text', text: 'x' } as const, output: 'out' };
    const told: messages.QueryProgress[] = [];
    await client.request(messages.RunModel, request, undefined, (progress) => told.push(progress));
    expect(told.length).toBeGreaterThan(1);
    expect(told.length).toBeLessThan(60);
    expect(told[0]).toEqual({ stage: 'running', done: 0, total: 300, unit: 'tokens' });
    expect(told.map(({ done }) => done)).toEqual(told.map(({ done }) => done).toSorted((a, b) => a - b));
  });

  it('is the only one of its home: a second says who lives there and exits', async () => {
    await using bench = new Workbench(program);
    const first = await bench.start();
    const second = bench.spawn();
    expect(await second.exit).toBe(1);
    expect(second.said.join('')).toContain(`a daemon runs already`);
    expect(second.said.join('')).toContain(`process ${first.child.pid}`);
    expect(await (await bench.connect()).request(messages.ListModels, {})).toHaveLength(1);
  });

  it('lives once when four start at the same moment after one was killed', async () => {
    await using bench = new Workbench(program);
    const dead = await bench.start();
    dead.child.kill('SIGKILL');
    await dead.exit;
    const started = [1, 2, 3, 4].map(() => bench.spawn());
    const lost = await until('three give up', () => {
      const gone = started.filter(({ child }) => child.exitCode !== null);
      return gone.length >= 3 ? gone : null;
    });
    expect(lost).toHaveLength(3);
    const client = await bench.connect();
    const living = started.find(({ child }) => child.exitCode === null)!;
    expect((await client.request(messages.ShowStatus, {})).pid).toBe(living.child.pid);
  });

  it('replaces the socket of a dead one and clears its files away', async () => {
    await using bench = new Workbench(program);
    const dead = await bench.start();
    dead.child.kill('SIGKILL');
    await dead.exit;
    expect(await DaemonConnection.open(bench.home.daemon, 'test')).toBeNull();
    const { endpoint } = await bench.start();
    expect((await newestEndpoint(bench.home.daemon))!.generation).toBe(endpoint.generation);
    const files = await readdir(bench.home.daemon);
    expect(files.filter((name) => name.startsWith('endpoint-'))).toEqual([`endpoint-${endpoint.generation}.json`]);
    expect(files.filter((name) => name.endsWith('.sock')).length).toBeLessThanOrEqual(1);
    await bench.connect();
  });

  it('turns a wrong token away and says why', async () => {
    await using bench = new Workbench(program);
    await bench.start();
    const peer = await bench.raw();
    peer.send(hello(messages.PROTOCOL_VERSION, 'f'.repeat(64)));
    expect(await peer.all).toContain('the token does not match');
  });

  it('answers nothing before hello', async () => {
    await using bench = new Workbench(program);
    const { endpoint } = await bench.start();
    const peer = await bench.raw();
    peer.send({ jsonrpc: '2.0', id: 7, method: 'models/list', params: {} });
    peer.send(hello(messages.PROTOCOL_VERSION, 'wrong'));
    const said = await peer.all;
    expect(said).toContain('say hello');
    expect(said).not.toContain('builtin');
    expect(said).not.toContain(endpoint.token);
  });

  it('tells a client of another version so, and lets it stop the daemon', async () => {
    await using bench = new Workbench(program);
    const { endpoint, exit } = await bench.start();
    const peer = await bench.raw();
    peer.send(hello(99, endpoint.token));
    peer.send({ jsonrpc: '2.0', id: 2, method: 'models/list', params: {} });
    peer.send({ jsonrpc: '2.0', id: 3, method: 'daemon/stop', params: {} });
    expect(await exit).toBe(0);
    const said = await peer.all;
    expect(said).toContain(`speaks protocol ${messages.PROTOCOL_VERSION}, raw speaks protocol 99`);
    expect(said).not.toContain('builtin');
  });

  it('closes the connection of who sends too much, before reading it, and harms nobody else', async () => {
    await using bench = new Workbench(program);
    const { endpoint } = await bench.start();
    const other = await bench.connect();
    const peer = await bench.raw();
    peer.send(hello(messages.PROTOCOL_VERSION, endpoint.token));
    await until('hello is answered', () => peer.text.includes('"result"'));
    peer.write(`Content-Length: ${messages.MAX_REQUEST_BYTES + 1}\r\n\r\n{`);
    expect(await peer.all).toContain(`over the size limit of ${messages.MAX_REQUEST_BYTES} bytes`);
    const stranger = await bench.raw();
    stranger.write(`Content-Length: 1000000\r\n\r\n{`);
    expect(await stranger.all).toContain('over the size limit of 65536 bytes');
    expect(await other.request(messages.ListModels, {})).toHaveLength(1);
  });

  it('refuses a request over the limit at the client already', async () => {
    await using bench = new Workbench(program);
    await bench.start();
    const client = await bench.connect();
    const text = 'x'.repeat(messages.MAX_REQUEST_BYTES);
    await expect(client.request(messages.Inspect, { text, dictionary: 'd' })).rejects.toThrow(/over the limit/);
  });

  it.each([
    ['not JSON', 'Content-Length: 5\r\n\r\n{nope', 'not JSON'],
    ['no object', 'Content-Length: 2\r\n\r\n42', 'not a JSON-RPC object'],
    ['no length', 'Content-Type: x\r\n\r\n{}', 'no Content-Length'],
    ['endless header', 'x'.repeat(5000), 'no header within'],
  ])('closes the connection of who sends what cannot be read: %s', async (_what, bytes, told) => {
    await using bench = new Workbench(program);
    await bench.start();
    const other = await bench.connect();
    const peer = await bench.raw();
    peer.write(bytes);
    expect(await peer.all).toContain(told);
    expect(await other.request(messages.ListModels, {})).toHaveLength(1);
  });

  it('names the field that is wrong and keeps the kinds of errors apart', async () => {
    await using bench = new Workbench(program);
    await bench.start();
    const client = await bench.connect();
    const wrong = client.request(messages.Inspect, { text: 'x', dictionary: 'd', top: -1 });
    await expect(wrong).rejects.toThrow(UsageError);
    await expect(wrong).rejects.toThrow(/inspect:.*top/);
    await expect(client.request(messages.ShowModel, { name: 'gone' })).rejects.toThrow(UsageError);
    const failed = client.request(messages.RemoveModel, { name: 'builtin' });
    await expect(failed).rejects.toThrow(WorkError);
    await expect(failed).rejects.toThrow('the disk is full');
  });

  it('cancels what a client asked when the client says so or leaves', async () => {
    await using bench = new Workbench(program);
    await bench.start();
    const [stays, leaves] = [await bench.connect('stays'), await bench.connect('leaves')];
    const given = new AbortController();
    const cancelled = stays.request(messages.Inspect, { text: 'said so', dictionary: 'd' }, given.signal);
    const lost = leaves.request(messages.Inspect, { text: 'left', dictionary: 'd' });
    setTimeout(() => {
      given.abort();
      leaves.dispose();
    }, 50);
    await Promise.all([
      expect(cancelled).rejects.toThrow('interrupted'),
      expect(lost).rejects.toThrow('closed the connection'),
    ]);
    const marks = await until('both are cancelled', async () => {
      const text = await readFile(join(bench.home.folder, 'cancelled'), 'utf8').catch(() => '');
      return text.split('\n').length === 3 && text;
    });
    expect(marks.trim().split('\n').sort()).toEqual(['left', 'said so']);
  });

  it('cancels what was cancelled before the daemon came to it, and is not asked for what was cancelled before', async () => {
    await using bench = new Workbench(program);
    await bench.start();
    const client = await bench.connect();
    const given = new AbortController();
    const cancelled = client.request(messages.Inspect, { text: 'at once', dictionary: 'd' }, given.signal);
    given.abort();
    await expect(cancelled).rejects.toThrow('interrupted');
    const late = client.request(messages.Inspect, { text: 'never sent', dictionary: 'd' }, given.signal);
    await expect(late).rejects.toThrow('interrupted');
    expect(await readFile(join(bench.home.folder, 'cancelled'), 'utf8')).toBe('at once\n');
  });

  it.skipIf(process.platform === 'win32')(
    'keeps its folder to its owner and refuses one that others can enter',
    async () => {
      await using bench = new Workbench(program);
      const { endpoint, child, exit } = await bench.start();
      expect((await stat(bench.home.daemon)).mode & 0o777).toBe(0o700);
      expect((await stat(endpoint.socket)).mode & 0o777).toBe(0o600);
      const file = join(bench.home.daemon, `endpoint-${endpoint.generation}.json`);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      child.kill('SIGTERM');
      await exit;
      await chmod(bench.home.daemon, 0o755);
      const second = bench.spawn();
      expect(await second.exit).toBe(1);
      expect(second.said.join('')).toContain('can be entered by others (mode 755); run: chmod 700');
      await expect(DaemonConnection.open(bench.home.daemon, 'test')).rejects.toThrow('can be entered by others');
    },
  );

  it('says that it stops, so that its clients can tell that from a crash', async () => {
    await using bench = new Workbench(program);
    const { child } = await bench.start();
    const client = await bench.connect();
    child.kill('SIGTERM');
    expect(await client.closed).toBe(messages.DAEMON_STOPPED);
  });

  it('listens under a short path when its home has a long one', async () => {
    await using bench = new Workbench(program, 'x'.repeat(90), 'y'.repeat(90));
    const { endpoint, child, exit } = await bench.start();
    if (process.platform !== 'win32') expect(Buffer.byteLength(endpoint.socket)).toBeLessThanOrEqual(103);
    expect(await (await bench.connect()).request(messages.ListModels, {})).toHaveLength(1);
    child.kill('SIGTERM');
    await exit;
    if (process.platform !== 'win32') expect(existsSync(dirname(endpoint.socket))).toBe(false);
  });

  it('exits by itself when nobody is there and nothing runs, and not before', async () => {
    await using bench = new Workbench(program);
    const { child, exit } = await bench.start({ SSAE_DAEMON_IDLE_MINUTES: '0.01' });
    const client = await bench.connect();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(isAlive(child.pid!)).toBe(true);
    client.dispose();
    expect(await exit).toBe(0);
    expect(await readFile(join(bench.home.daemon, 'daemon.log'), 'utf8')).toContain('idle for 0.01 minutes');
  });
});
