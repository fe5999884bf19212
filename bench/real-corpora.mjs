/**
 * `node bench/real-corpora.mjs --data FOLDER [--seeds 3] [--k 16,64,128] [--domain physics,toxicity]`: what TERM, mixing and plain
 * finetuning gain on a domain and lose on general text, for TopK dictionaries of the built-in model at several L0. FOLDER holds the
 * gzipped JSON lines; a line of JSON for every dictionary.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { commandLine } from './command-line.mjs';

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    seeds: { type: 'string', default: '3' },
    k: { type: 'string', default: '16,64,128' },
    domain: { type: 'string', default: 'physics,toxicity' },
  },
});
if (values.data === undefined) throw new Error('--data is missing: the folder of the gzipped corpora');
const folder = mkdtempSync(join(tmpdir(), 'ssae-real-corpora-'));
const at = (name) => join(folder, name);

const DOMAINS = {
  physics: { file: 'physics-openstax-college.jsonl.gz', isWanted: ({ text }) => text.length > 40 },
  toxicity: { file: 'toxicity-davidson.jsonl.gz', isWanted: ({ label }) => label !== 'neither' },
};
/** Of 256: the share of a domain's records that is only measured, chosen by their text. */
const HELD_OUT = 38;
const HOOK = ['--model', 'builtin', '--hook', 'blocks.2.hook_resid_post'];
const FEATURES = 2048;
const GENERAL_TOKENS = 1_200_000;
const FINETUNING_TOKENS = 600_000;
const MEASURED_TOKENS = 6000;
const mixed = ['--mix', '0.3', '--mix-activations', at('general')];
/** Arms of finetuning; the control goes on with general text. */
const ARMS = {
  'general, longer': null,
  erm: [],
  'tau 0.5': ['--tau', '0.5'],
  'ess 0.5': ['--ess', '0.5'],
  'ess 0.1': ['--ess', '0.1'],
  'ess 0.5 of passages': ['--ess', '0.5', '--passages'],
  'mix 0.3': mixed,
  'mix 0.3, ess 0.5': [...mixed, '--ess', '0.5'],
};

const ssae = commandLine(new URL('..', import.meta.url), { ...process.env, SSAE_HOME: at('home') });

function addCorpus(name, ...sources) {
  ssae('corpus', 'add', name, ...sources, '--unit', 'document');
}

function prepareDomain(domain) {
  const { file, isWanted } = DOMAINS[domain];
  const lines = gunzipSync(readFileSync(join(values.data, file)))
    .toString('utf8')
    .trimEnd()
    .split('\n');
  const parts = { [domain]: [], [`${domain}-held-out`]: [] };
  for (const line of lines) {
    const record = JSON.parse(line);
    if (!isWanted(record)) continue;
    const isHeldOut = createHash('sha256').update(record.text).digest()[0] < HELD_OUT;
    parts[isHeldOut ? `${domain}-held-out` : domain].push(JSON.stringify({ text: record.text }));
  }
  for (const [name, records] of Object.entries(parts)) {
    writeFileSync(at(`${name}.jsonl`), `${records.join('\n')}\n`);
    addCorpus(name, at(`${name}.jsonl`));
  }
  ssae('harvest', ...HOOK, '--corpus', domain, '-o', at(domain));
}

function report(domain, k, arm, seed, dictionary, training) {
  const measured = (corpus) =>
    ssae('eval', dictionary, '--corpus', corpus, '--tokens', String(MEASURED_TOKENS), '--seed', '0');
  const evaluations = { domain: measured(`${domain}-held-out`), general: measured('speeches') };
  console.log(JSON.stringify({ domain, k, arm, seed, training, evaluations }));
}

addCorpus('prose', 'builtin:wordnet', 'builtin:moby-dick');
addCorpus('speeches', 'builtin:sotu');
ssae('harvest', ...HOOK, '--corpus', 'prose', '--tokens', String(GENERAL_TOKENS), '-o', at('general'));
for (const domain of values.domain.split(',')) {
  prepareDomain(domain);
  for (const k of values.k.split(',')) {
    const start = at(`${domain}-gsae-${k}`);
    const shape = ['--architecture', 'topk', '--k', k, '--d-sae', String(FEATURES)];
    const general = ['--activations', at('general')];
    report(domain, k, 'gsae', 0, start, ssae('train', ...general, ...shape, '--seed', '0', '-o', start));
    for (let seed = 0; seed < Number(values.seeds); seed++)
      for (const [arm, given] of Object.entries(ARMS)) {
        const output = at(`${domain}-${k}-${arm.replaceAll(/\W+/g, '-')}-${seed}`);
        const data = given === null ? general : ['--activations', at(domain), ...given];
        const budget = ['--tokens', String(FINETUNING_TOKENS), '--seed', String(seed)];
        report(domain, k, arm, seed, output, ssae('finetune', '--from', start, ...data, ...budget, '-o', output));
      }
  }
}
rmSync(folder, { recursive: true, force: true });
