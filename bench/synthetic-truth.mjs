/**
 * `node bench/synthetic-truth.mjs --tools FOLDER --python PYTHON [--seeds 3] [--architecture NAME]…`: which finetuning recovers rare
 * features, on activations whose true features are known. FOLDER holds synth.py and rare_recall.py; a line of JSON for every arm and seed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { commandLine, outputOf } from './command-line.mjs';

const { values } = parseArgs({
  options: {
    tools: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    seeds: { type: 'string', default: '3' },
    architecture: { type: 'string', multiple: true, default: ['topk'] },
  },
});
if (values.tools === undefined) throw new Error('--tools is missing: the folder of synth.py and rare_recall.py');
const folder = mkdtempSync(join(tmpdir(), 'ssae-synthetic-'));

const ARCHITECTURES = {
  topk: ['--architecture', 'topk', '--k', '6'],
  batchtopk: ['--architecture', 'batchtopk', '--k', '6'],
  relu: ['--architecture', 'relu', '--l1', '5'],
  jumprelu: ['--architecture', 'jumprelu', '--target-l0', '6'],
};
const BATCH = 1024;
const GENERAL_TOKENS = 4000 * BATCH;
const TOKENS = 1500 * BATCH;
/** Arms of finetuning; those of `control` start from the same dictionary and see general rows. */
const ARMS = {
  erm: [],
  'tau 0.1': ['--tau', '0.1'],
  'tau 0.5': ['--tau', '0.5'],
  'tau 2': ['--tau', '2'],
  'ess 0.75': ['--ess', '0.75'],
  'ess 0.5': ['--ess', '0.5'],
  'ess 0.25': ['--ess', '0.25'],
  'ess 0.5, warm-up': ['--ess', '0.5', '--tilt-warmup', '750'],
  'ess 0.5, reconstruction': ['--ess', '0.5', '--tilts', 'reconstruction'],
  'mix 0.3': ['--mix', '0.3', '--mix-activations', 'GENERAL'],
  'mix 0.3, ess 0.5': ['--mix', '0.3', '--mix-activations', 'GENERAL', '--ess', '0.5'],
  scratch: ['--mode', 'scratch'],
  'dead features alone': ['--mode', 'partial', '--train-latents', 'dead'],
  'residual 128': ['--mode', 'residual', '--residual-features', '128'],
  'residual 128, ess 0.5': ['--mode', 'residual', '--residual-features', '128', '--ess', '0.5'],
};

const ours = commandLine(new URL('..', import.meta.url));
const python = (script, ...options) => outputOf(values.python, [join(values.tools, script), ...options]);

/** Rows of some splits, as a file of their own. */
function cut(synth, output, splits) {
  const program =
    'import sys; from safetensors.numpy import load_file, save_file; import numpy as np; t = load_file(sys.argv[1]); ' +
    'save_file({"activations": np.ascontiguousarray(t["activations"][np.isin(t["split"], [int(s) for s in sys.argv[3].split(",")])])}, sys.argv[2])';
  outputOf(values.python, ['-c', program, synth, output, splits]);
}

for (let seed = 0; seed < Number(values.seeds); seed++) {
  const file = (name) => join(folder, `${name}-${seed}`);
  const synth = file('synth.safetensors');
  const [general, domain] = [file('general.safetensors'), file('domain.safetensors')];
  python('synth.py', '--out', synth, '--seed', String(seed));
  cut(synth, general, '0');
  cut(synth, domain, '1,2');
  const common = ['--batch', String(BATCH), '--seed', String(seed), '--held-out', '0.05'];
  for (const architecture of values.architecture) {
    const start = file(`gsae-${architecture}`);
    const score = (arm, dictionary, result) => {
      const scored = JSON.parse(python('rare_recall.py', '--sae', dictionary, '--synth', synth, '--json'));
      console.log(JSON.stringify({ architecture, seed, arm, result, scored }));
    };
    const options = ['--d-sae', '512', ...ARCHITECTURES[architecture], ...common];
    score(
      'gsae',
      start,
      ours('train', '--activations', general, ...options, '--tokens', String(GENERAL_TOKENS), '-o', start),
    );
    const longer = ['finetune', '--from', start, ...common, '--tokens', String(TOKENS)];
    const control = file(`${architecture}-longer`);
    score('general, longer', control, ours(...longer, '--activations', general, '-o', control));
    for (const [arm, given] of Object.entries(ARMS)) {
      const output = file(`${architecture}-${arm.replaceAll(/\W+/g, '-')}`);
      const own = given.map((option) => (option === 'GENERAL' ? general : option));
      try {
        score(arm, output, ours(...longer, '--activations', domain, ...own, '-o', output));
      } catch (error) {
        console.log(JSON.stringify({ architecture, seed, arm, refused: error.message.slice(0, 300) }));
      }
    }
  }
}
rmSync(folder, { recursive: true, force: true });
