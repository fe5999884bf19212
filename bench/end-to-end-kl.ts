/**
 * `node bench/run.mjs end-to-end-kl [--seeds 3]`: what the model's KL in the last steps (`--kl`) brings on text that no dictionary was
 * trained on, and what it costs: docs/experiments/end-to-end-kl.md. A line of JSON for every run.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { sampleCorpora } from '../server/corpus/sample-corpora.ts';
import { packageRoot } from '../server/foundation/package-root.ts';
import { commandLine } from './command-line.mjs';

/** Every fifth document is only measured on. */
const MEASURED = 5;
const ARMS: Readonly<Record<string, readonly string[]>> = {
  without: [],
  // The steps take whole passages, and their loss is the reconstruction's.
  'passages alone, last 10 %': ['--kl', '1e-9'],
  'kl 1, last 10 %': ['--kl', '1'],
  'kl 1, last 30 %': ['--kl', '1', '--kl-share', '0.3'],
};
const HOOK = ['--model', 'builtin', '--hook', 'blocks.1.hook_resid_post'];
const SHAPE = ['--architecture', 'topk', '--k', '16', '--d-sae', '1024'];
const AMOUNT = ['--batch', '512', '--tokens', String(1200 * 512)];
const ENGINE = ['--engine', 'cpu', '--threads', '1'];

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '3' } } });
const folder = mkdtempSync(join(tmpdir(), 'ssae-end-to-end-kl-'));
const at = (name: string): string => join(folder, name);
const ssae = commandLine(pathToFileURL(`${packageRoot}/`), { ...process.env, SSAE_HOME: at('home') });

const texts = ['moby-dick', 'sotu'].flatMap((wanted) => {
  const corpus = sampleCorpora.find(({ name }) => name === wanted)!;
  return [...corpus.records()].map(({ text }) => JSON.stringify({ text }));
});
const parts = {
  train: texts.filter((_, i) => i % MEASURED !== 0),
  test: texts.filter((_, i) => i % MEASURED === 0),
};
for (const [name, lines] of Object.entries(parts)) {
  writeFileSync(at(`${name}.jsonl`), `${lines.join('\n')}\n`);
  ssae('corpus', 'add', name, at(`${name}.jsonl`));
}
for (let seed = 0; seed < Number(values.seeds); seed++)
  for (const [arm, kl] of Object.entries(ARMS)) {
    const output = at(`${arm.replaceAll(/\W+/g, '-')}-${seed}`);
    const run = [...SHAPE, ...AMOUNT, ...ENGINE, '--seed', String(seed), ...kl, '-o', output];
    const training = ssae('train', ...HOOK, '--corpus', 'train', ...run);
    const evaluation = ssae('eval', output, '--corpus', 'test', '--tokens', '20000');
    console.log(JSON.stringify({ arm, seed, training, evaluation }));
  }
rmSync(folder, { recursive: true });
