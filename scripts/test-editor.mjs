/**
 * `npm run test:editor`: tests of the packaged extension in a real VS Code. Those in test/host run inside the extension host
 * (Mocha), those in test/workbench drive the window (Playwright). `--host` or `--ui` runs one of the two; anything else is given
 * to Playwright: file names, `-g PATTERN`. Ends with one line: N passed, N failed, N skipped.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare, root } from './prepare.mjs';

const bin = (...path) => join(root, 'node_modules', ...path);
const HOST_TESTS = join('test', 'host');

/** @returns {Promise<{ passed: number, failed: number, skipped: number }>} */
export async function testEditor({ host = true, ui = true, given = [] } = {}) {
  await prepare(); // Before anything of node_modules is asked for.
  const { packageExtension } = await import('./package.mjs');
  const { codeServer } = await import('./workbench/code-server.mjs');
  const { chromiumOptions } = await import('./workbench/chromium.mjs');
  const vsix = await packageExtension();
  await codeServer();
  await chromiumOptions();
  const env = { ...process.env, SSAE_TEST_VSIX: vsix };
  const counts = [];
  if (host) counts.push(await testHost(env));
  if (ui) counts.push(testWorkbench(env, given));
  const sum = (name) => counts.reduce((total, each) => total + each[name], 0);
  return { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
}

async function testHost(env) {
  console.log('\n— tests inside the extension host');
  const { build } = await import('esbuild');
  const output = join(root, 'dist', HOST_TESTS);
  rmSync(output, { recursive: true, force: true });
  await build({
    entryPoints: readdirSync(join(root, HOST_TESTS))
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => join(root, HOST_TESTS, name)),
    outdir: output,
    outExtension: { '.js': '.cjs' },
    ...{ bundle: true, platform: 'node', target: 'node20', format: 'cjs', sourcemap: 'inline', logLevel: 'warning' },
    external: ['vscode'],
  });
  const { status, text } = await runShown(env, bin('@vscode', 'test-cli', 'out', 'bin.mjs'));
  const count = (word) => Number(new RegExp(`^ *(\\d+) ${word}`, 'm').exec(text)?.[1] ?? 0);
  const failed = count('failing');
  return { passed: count('passing'), failed: status !== 0 && failed === 0 ? 1 : failed, skipped: count('pending') };
}

/** Shows a program's output and keeps it. */
async function runShown(env, program) {
  const child = spawn(process.execPath, [program], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (data) => {
    text += data;
    process.stdout.write(data);
  });
  const status = await new Promise((resolve) => child.once('close', resolve));
  return { status, text };
}

function testWorkbench(env, given) {
  console.log('\n— tests that drive the window');
  const folder = mkdtempSync(join(tmpdir(), 'ssae-editor-'));
  const report = join(folder, 'report.json');
  const { status } = spawnSync(
    process.execPath,
    [
      bin('@playwright', 'test', 'cli.js'),
      ...['test', '--config', join('test', 'workbench', 'playwright.config.mts'), '--reporter=list,json', ...given],
    ],
    { cwd: root, stdio: 'inherit', env: { ...env, PLAYWRIGHT_JSON_OUTPUT_FILE: report } },
  );
  try {
    const { stats } = JSON.parse(readFileSync(report, 'utf8'));
    const failed = status !== 0 && stats.unexpected === 0 ? 1 : stats.unexpected;
    return { passed: stats.expected + stats.flaky, failed, skipped: stats.skipped };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const words = process.argv.slice(2);
  const only = words.filter((word) => word === '--host' || word === '--ui');
  const wants = (name) => only.length === 0 || only.includes(name);
  const given = words.filter((word) => !only.includes(word));
  const { passed, failed, skipped } = await testEditor({ host: wants('--host'), ui: wants('--ui'), given });
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exitCode = failed === 0 ? 0 : 1;
}
