/**
 * `npm run bench:editor`: how long the editor keeps its user waiting, measured in the page of a real VS Code with the packaged
 * extension. `--json` prints one document, `--keep FILE` writes it too; other words go to Playwright (-g PATTERN, a file).
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { prepare, root } from '../scripts/prepare.mjs';

const words = process.argv.slice(2);
const json = words.includes('--json');
const keep = words.includes('--keep') ? words[words.indexOf('--keep') + 1] : null;
const given = words.filter((word, i) => word !== '--json' && word !== '--keep' && words[i - 1] !== '--keep');

const isMet = ({ goal, ...row }) => goal === null || row[goal.of] <= goal.atMost;

function show({ machine, vscode, rows }) {
  console.log(`\n${machine}; VS Code ${vscode}`);
  const digits = (value, unit) => (unit === 'ms' ? String(Math.round(value)) : value.toFixed(unit === '×' ? 2 : 1));
  const cells = rows.map((row) => [
    ...[row.row, row.what, row.n, digits(row.median, row.unit), digits(row.p95, row.unit), row.unit],
    row.goal === null ? '' : `${row.goal.of} ≤ ${row.goal.atMost}`,
    row.goal === null ? '' : isMet(row) ? 'met' : 'not met',
  ]);
  const table = [['row', 'what', 'n', 'median', 'p95', 'unit', 'goal', 'met'], ...cells].map((line) =>
    line.map(String),
  );
  const widths = table[0].map((_, column) => Math.max(...table.map((line) => line[column].length)));
  for (const line of table)
    console.log(line.map((cell, i) => (i > 1 && i < 5 ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join('  '));
}

await prepare();
const { packageExtension } = await import('../scripts/package.mjs');
const { codeServer } = await import('../scripts/workbench/code-server.mjs');
const { node, entry } = await codeServer();
const SSAE_TEST_VSIX = await packageExtension();
const version = spawnSync(node, [entry, '--config', '/dev/null', '--version'], { encoding: 'utf8' }).stdout.trim();
const folder = mkdtempSync(join(tmpdir(), 'ssae-bench-'));
const SSAE_BENCH_ROWS = join(folder, 'rows.jsonl');
try {
  const load = loadavg()[0].toFixed(1);
  const { status } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules', '@playwright', 'test', 'cli.js'),
      ...['test', '--config', join('bench', 'editor', 'playwright.config.mts'), '--reporter=list', ...given],
    ],
    {
      cwd: root,
      stdio: ['ignore', json ? 2 : 1, 2],
      env: { ...process.env, SSAE_TEST_VSIX, SSAE_BENCH_ROWS },
    },
  );
  const rows = existsSync(SSAE_BENCH_ROWS)
    ? readFileSync(SSAE_BENCH_ROWS, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
    : [];
  const machine = [
    `${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    `load average before ${load}, after ${loadavg()[0].toFixed(1)}`,
  ].join('; ');
  const document = { machine, vscode: version, rows: rows.map((row) => ({ ...row, met: isMet(row) })) };
  if (keep !== null) writeFileSync(keep, `${JSON.stringify(document, null, 1)}\n`);
  if (json) console.log(JSON.stringify(document, null, 1));
  else show(document);
  process.exitCode = status === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
