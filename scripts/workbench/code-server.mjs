/**
 * Brings a real VS Code (Coder's code-server) and the Node it runs on from the npm registry alone into the cache. No install
 * script of any package runs and nothing is compiled: the one native module that matters, @vscode/spdlog, is replaced by
 * log-writer.cjs. `node scripts/workbench/code-server.mjs` installs it and prints where it is.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, setupError } from './cache.mjs';

const CODE_SERVER = '4.139.1';
const NODE = '24.21.0';
/** Raised when what is installed changes. */
const RECIPE = 1;

const inServer = (folder, ...path) => join(folder, 'node_modules', 'code-server', ...path);

/** @returns {Promise<{ node: string, entry: string, version: string }>} Node's program, code-server's main file. */
export async function codeServer() {
  if (process.platform !== 'linux')
    throw setupError(
      `The server that editor tests run in is for Linux only, this is ${process.platform}.`,
      'run the editor tests on Linux (a container will do); `npx vitest run` needs no editor',
    );
  const folder = await cached(`code-server-${CODE_SERVER}-node-${NODE}-${process.arch}-r${RECIPE}`, install);
  return {
    node: join(folder, 'node_modules', 'node', 'bin', 'node'),
    entry: inServer(folder, 'out', 'node', 'entry.js'),
    version: CODE_SERVER,
  };
}

function install(folder) {
  console.error(`Installing code-server ${CODE_SERVER} from the npm registry (once; about 450 MB, a minute or two)…`);
  const nodePackage = `node-linux-${process.arch}`;
  writeFileSync(join(folder, 'package.json'), '{"name":"ssae-studio-workbench","private":true}\n');
  npmInstall(folder, [`${nodePackage}@${NODE}`, `code-server@${CODE_SERVER}`]);
  mkdirSync(join(folder, 'node_modules', 'node'), { recursive: true });
  symlinkSync(join('..', nodePackage, 'bin'), join(folder, 'node_modules', 'node', 'bin'));

  const vscode = inServer(folder, 'lib', 'vscode');
  npmInstall(vscode, ['--omit=dev']);
  npmInstall(join(vscode, 'extensions'), ['--omit=dev']);
  const scripts = fileURLToPath(new URL('.', import.meta.url));
  copyFileSync(join(scripts, 'log-writer.cjs'), join(vscode, 'node_modules', '@vscode', 'spdlog', 'index.js'));
  writeFileSync(
    join(vscode, 'node_modules', '@vscode', 'native-watchdog', 'index.js'),
    'exports.start = () => undefined;\n',
  );
  leaveOut(folder, vscode, nodePackage);
  check(folder);
}

/** What tests do not use: half of it all. */
function leaveOut(folder, vscode, nodePackage) {
  const ripgrep = join(vscode, 'node_modules', '@vscode', 'ripgrep-universal', 'bin');
  const unused = [
    ...['@github', '@microsoft/mxc-sdk'].map((name) => join(vscode, 'node_modules', name)),
    join(vscode, 'extensions', 'copilot'),
    ...readdirSync(ripgrep)
      .filter((name) => name !== `linux-${process.arch}`)
      .map((name) => join(ripgrep, name)),
    ...['include', 'share'].map((name) => join(folder, 'node_modules', nodePackage, name)),
  ];
  for (const path of unused) rmSync(path, { recursive: true, force: true });
}

function npmInstall(folder, given) {
  const npm = process.env.npm_execpath?.endsWith('.js') ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
  const result = spawnSync(npm[0], [...npm.slice(1), 'install', ...quiet, ...given], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
    env: cleanEnvironment(),
  });
  if (result.status !== 0)
    throw setupError(
      `npm could not install ${given.filter((word) => !word.startsWith('-')).join(', ') || folder} (${result.error?.message ?? `status ${result.status}`}); its message is above.`,
      'check that the npm registry can be reached (`npm ping`), then try again',
    );
}

/** Without the npm settings of the script that calls: they belong to this clone, not to the cache. */
function cleanEnvironment() {
  const isOfCaller = (name) =>
    /^(npm_(package|lifecycle)_|npm_config_(local_)?prefix$|INIT_CWD$|NODE_OPTIONS$)/.test(name);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOfCaller(name)));
}

function check(folder) {
  const node = join(folder, 'node_modules', 'node', 'bin', 'node');
  const given = [inServer(folder, 'out', 'node', 'entry.js'), '--config', '/dev/null', '--version'];
  const { status, stdout, stderr } = spawnSync(node, given, { encoding: 'utf8' });
  if (status !== 0 || !stdout.includes(CODE_SERVER)) throw new Error(`code-server does not run: ${stdout}${stderr}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log((await codeServer()).entry);
