/**
 * `npm test`: everything that has to hold before a change lands. Installs and builds what is missing, then types, lint, tests,
 * tests in a real editor. Words after `npm test --` are given to vitest, and only its tests run then.
 * Ends with one line: N passed, N failed, N skipped.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare, root } from './prepare.mjs';

await prepare();

const bin = (...path) => join(root, 'node_modules', ...path);
const checks = [
  ['types of the server, client and tests', bin('typescript', 'bin', 'tsc'), ['--noEmit']],
  ['types of the webviews', bin('typescript', 'bin', 'tsc'), ['--noEmit', '-p', 'webviews']],
  ['types of the tests that drive the window', bin('typescript', 'bin', 'tsc'), ['--noEmit', '-p', 'test/workbench']],
  ['types of the editor’s benchmark', bin('typescript', 'bin', 'tsc'), ['--noEmit', '-p', 'bench/editor']],
  ['lint', bin('eslint', 'bin', 'eslint.js'), ['.']],
  ['format', bin('prettier', 'bin', 'prettier.cjs'), ['--check', '--log-level', 'warn', '.']],
];

const failed = checks.filter(([name, program, given]) => {
  console.log(`\n— ${name}`);
  return spawnSync(process.execPath, [program, ...given], { cwd: root, stdio: 'inherit' }).status !== 0;
});

const folder = mkdtempSync(join(tmpdir(), 'ssae-test-'));
const report = join(folder, 'report.json');
console.log('\n— tests');
const given = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...process.argv.slice(2)];
const tests = spawnSync(process.execPath, [bin('vitest', 'vitest.mjs'), ...given], { cwd: root, stdio: 'inherit' });
const counted = (() => {
  try {
    return JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
})();

async function inEditor() {
  if (process.argv.length > 2) return { passed: 0, failed: 0, skipped: 0 };
  if (process.platform !== 'linux') {
    console.log('\nskipped: tests in a real editor, which need Linux');
    return { passed: 0, failed: 0, skipped: 1 };
  }
  try {
    const { testEditor } = await import('./test-editor.mjs');
    return await testEditor();
  } catch (error) {
    console.error(error.stack);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

const editor = await inEditor();
const passedChecks = checks.length - failed.length;
// A suite that fails before its first test, or an error between tests, counts as one failure.
const broken = tests.status !== 0 && counted.numFailedTests === 0 ? 1 : 0;
const failures = counted.numFailedTests + failed.length + broken + editor.failed;
const passed = counted.numPassedTests + passedChecks + editor.passed;
for (const [name] of failed) console.log(`failed: ${name}`);
console.log(`\n${passed} passed, ${failures} failed, ${counted.numPendingTests + editor.skipped} skipped`);
process.exitCode = failures === 0 ? 0 : 1;
