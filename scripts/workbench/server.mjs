/**
 * Starts and stops a real VS Code (code-server) for tests: on a free port of this machine, with an empty profile, a copy of a
 * folder, a private runtime folder and a private SSAE_HOME, all below one new temporary folder, and with the given .vsix installed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { setupError } from './cache.mjs';
import { codeServer } from './code-server.mjs';

const START_MILLISECONDS = 90_000;
const POLL_MILLISECONDS = 50;

const SETTINGS = {
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'workbench.startupEditor': 'none',
  'workbench.reduceMotion': 'on', // No picture is taken while something fades.
  'extensions.autoUpdate': 'off',
  'extensions.autoCheckUpdates': false,
  'update.mode': 'none',
  'extensions.ignoreRecommendations': true,
  'workbench.enableExperiments': false,
  'git.enabled': false,
  'chat.disableAIFeatures': true,
  'workbench.tips.enabled': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'editor.hover.delay': 100,
  'window.confirmBeforeClose': 'never',
};

/** Nobody is asked whether the folder is trusted: it is not. */
const RESTRICTED = {
  'security.workspace.trust.enabled': true,
  'security.workspace.trust.startupPrompt': 'never',
  'security.workspace.trust.banner': 'never',
};

/** code-server obeys some variables against its own arguments (PORT, PASSWORD), VS Code opens elsewhere for VSCODE_IPC_HOOK_CLI. */
const MISLEADING =
  /^(PORT|PASSWORD|HASHED_PASSWORD|NODE_OPTIONS|SSAE_HOME)$|^(CODE_SERVER|VSCODE|ELECTRON|DISPLAY|WAYLAND|VITEST)/;

/** What the shim and the test runner tell the extension host. */
const WANTED = /^VSCODE_(SHIM|TEST)/;

function cleanEnvironment() {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !MISLEADING.test(name) || WANTED.test(name)),
  );
}

/**
 * @param {object} options
 * @param {string | null} [options.vsix] installed first
 * @param {string | null} [options.folder] opened as a copy, so tests may write to it
 * @param {Record<string, string>} [options.env] of the server and of all it starts
 * @param {Record<string, unknown>} [options.settings] of the user, beside the harness's own
 * @param {boolean} [options.restricted] opens folders as ones that are not trusted
 * @param {boolean} [options.extensionTests] lets ?payload=[["extensionTestsPath", …]] take effect; it also hides notifications
 */
export async function startServer(options = {}) {
  const { vsix = null, folder = null, env = {}, settings = {}, restricted = false, extensionTests = false } = options;
  const { node, entry } = await codeServer();
  if (vsix !== null && !existsSync(vsix)) throw setupError(`${vsix} is missing.`, 'npm run package');
  const work = mkdtempSync(join(tmpdir(), 'sw-')); // Short: paths of Unix sockets end at 107 bytes.
  const at = (...path) => join(work, ...path);
  const remove = () => rmSync(work, { recursive: true, force: true, maxRetries: 5 });
  for (const name of ['data/User', 'extensions', 'run', 'folder'])
    mkdirSync(at(name), { recursive: true, mode: 0o700 });
  writeFileSync(at('config.yaml'), 'auth: none\n');
  writeFileSync(
    at('data', 'User', 'settings.json'),
    JSON.stringify({ ...SETTINGS, ...(restricted ? RESTRICTED : {}), ...settings }),
  );
  if (folder !== null) cpSync(folder, at('folder'), { recursive: true });

  const base = [entry, '--config', at('config.yaml'), '--user-data-dir', at('data')];
  base.push('--extensions-dir', at('extensions'));
  const childEnv = {
    ...cleanEnvironment(),
    EXTENSIONS_GALLERY: '{}',
    XDG_RUNTIME_DIR: at('run'),
    SSAE_HOME: at('home'),
    SSAE_WORKBENCH_RUN: work,
    ...env,
  };
  if (vsix !== null) {
    const result = spawnSync(node, [...base, '--install-extension', vsix], { encoding: 'utf8', env: childEnv });
    if (result.status !== 0 || !result.stdout.includes('successfully installed')) {
      remove();
      throw new Error(`${vsix} could not be installed:\n${result.stdout}${result.stderr}`);
    }
  }

  const log = () => readFileSync(at('server.log'), 'utf8');
  const child = spawnSupervised(at('server.log'), childEnv, node, [
    ...base,
    ...['--bind-addr', '127.0.0.1:0', '--auth', 'none', '--session-socket', at('run', 'session.sock')],
    ...['--disable-telemetry', '--disable-update-check'],
    ...(restricted ? [] : ['--disable-workspace-trust']),
    '--disable-getting-started-override',
    ...(extensionTests ? ['--vscode-option', 'enable-smoke-test-driver'] : []),
  ]);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    if (!child.stdin.writableEnded) child.stdin.end('stop');
    await exited;
    remove();
  };
  const port = await listeningPort(child, log);
  if (port === null) {
    const why = log().split('\n').slice(-20).join('\n');
    await stop();
    throw new Error(`code-server did not start:\n${why}`);
  }
  const origin = `http://127.0.0.1:${port}`;
  return {
    ...{ origin, port, work, exited, stop },
    folder: at('folder'),
    home: childEnv.SSAE_HOME,
    /** Address of the workbench without a folder. */
    emptyUrl: `${origin}/?ew=true`,
    /** Address of the workbench with a folder; `payload` are VS Code's own pairs of a name and a value. */
    url: (payload = [], where = at('folder')) => {
      const query = new URLSearchParams({ [where.endsWith('.code-workspace') ? 'workspace' : 'folder']: where });
      if (payload.length > 0) query.set('payload', JSON.stringify(payload));
      return `${origin}/?${query}`;
    },
    remote: (path) => `vscode-remote://127.0.0.1:${port}${path}`,
    setSettings: settingsWriter(at('folder', '.vscode', 'settings.json'), at('settings.part')),
    /** The server's log, those of the extension hosts and of the output channels, and the daemon's. */
    copyLogs: (to) => {
      mkdirSync(to, { recursive: true });
      cpSync(at('server.log'), join(to, 'server.log'));
      for (const [from, name] of [
        [at('data', 'logs'), 'vscode'],
        [join(childEnv.SSAE_HOME, 'daemon'), 'daemon'],
      ])
        if (existsSync(from))
          cpSync(from, join(to, name), { recursive: true, filter: (path) => !path.endsWith('.sock') });
    },
  };
}

function spawnSupervised(log, env, program, given) {
  const file = openSync(log, 'w');
  const supervisor = fileURLToPath(new URL('supervise.mjs', import.meta.url));
  const stdio = ['pipe', file, file];
  const child = spawn(process.execPath, [supervisor, program, ...given], { env, stdio, detached: true });
  child.stdin.on('error', () => undefined); // It ended before we asked.
  return child;
}

async function listeningPort(child, log) {
  for (const end = Date.now() + START_MILLISECONDS; Date.now() < end && child.exitCode === null;) {
    const found = /HTTP server listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(log());
    if (found !== null) return Number(found[1]);
    await sleep(POLL_MILLISECONDS);
  }
  return null;
}

/**
 * Changes settings while the workbench runs: the workspace's, in one piece (it often misses a change of its user settings, and
 * half a file). A value of undefined takes a setting away.
 */
function settingsWriter(path, part) {
  const known = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
  return (more) => {
    Object.assign(known, more);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(part, JSON.stringify(known));
    renameSync(part, path);
  };
}
