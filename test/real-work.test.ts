import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { packageRoot, shippedFile } from '../server/foundation/package-root.ts';
import { Random } from '../server/foundation/random.ts';
import { writeSafetensors } from '../server/foundation/safetensors.ts';
import type { EvaluateResult, InspectResult, RetrieveResult, TrainResult } from '../server/protocol/results.ts';

/** Nothing in here is a double: the built command line, the built-in model and dictionary, real engines. */
const folder = mkdtempSync(join(tmpdir(), 'ssae-real-'));
const program = shippedFile('dist', 'server', 'cli.js');
const environment = { ...process.env, SSAE_HOME: join(folder, 'home'), NO_COLOR: '1' };
const at = (name: string): string => join(folder, name);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function ssae(...words: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const options = { env: environment, encoding: 'utf8', maxBuffer: 1 << 28, cwd: folder } as const;
  return spawnSync(process.execPath, [program, ...words], options);
}

function answer(...words: readonly string[]): unknown {
  const { status, stdout, stderr } = ssae(...words, '--json', '--quiet');
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as unknown;
}

async function activationFile(name: string, rows: number, spoil?: (values: Float32Array) => void): Promise<string> {
  const random = new Random(7);
  const data = Float32Array.from({ length: rows * 24 }, () => random.normal());
  spoil?.(data);
  await writeSafetensors(at(name), { activations: { dtype: 'F32', shape: [rows, 24], data } });
  return at(name);
}

const TRAIN = ['--architecture', 'topk', '--d-sae', '96', '--k', '6', '--batch', '128', '--tokens', '200000'];

/** Starts a training, kills it once its checkpoint is there, and resumes it. */
async function killedAndResumed(activations: string, engine: string, output: string): Promise<void> {
  const words = [
    'train',
    '--activations',
    activations,
    ...TRAIN,
    '--engine',
    engine,
    '--checkpoint',
    '20',
    '-o',
    output,
  ];
  const child = spawn(process.execPath, [program, ...words], { env: environment, stdio: 'ignore' });
  const ended = new Promise((settle) => child.once('exit', settle));
  while (!existsSync(`${output}.checkpoint.safetensors`) && child.exitCode === null) await sleep(2);
  child.kill('SIGKILL');
  await ended;
  expect(existsSync(join(output, 'cfg.json'))).toBe(false);
  answer(...words, '--resume');
}

describe('training at the command line', () => {
  it.each(['auto', 'wasm'])('killed with kill -9 and resumed ends with the same bytes: engine %s', async (engine) => {
    const activations = await activationFile('acts.safetensors', 6000);
    const words = ['train', '--activations', activations, ...TRAIN, '--engine', engine, '-o', at(`whole-${engine}`)];
    const result = answer(...words) as TrainResult;
    expect(result).toMatchObject({ dIn: 24, dSae: 96, objective: 'erm', tilt: null, tau: null, seed: 0 });
    await killedAndResumed(activations, engine, at(`resumed-${engine}`));
    const weights = (name: string): Buffer => readFileSync(at(`${name}-${engine}/sae_weights.safetensors`));
    expect(weights('resumed').equals(weights('whole'))).toBe(true);
  });

  it('does not outrun a WebAssembly memory that grew: V8 checks every access here, as it checks atomic ones everywhere', async () => {
    const activations = await activationFile('grown.safetensors', 2000);
    const words = ['train', '--activations', activations, ...TRAIN.slice(0, -1), '4000', '--engine', 'wasm'];
    for (let run = 0; run < 4; run++) {
      const given = ['--wasm-enforce-bounds-checks', program, ...words, '-o', at('grown'), '--quiet'];
      const { status, stderr } = spawnSync(process.execPath, given, { env: environment, encoding: 'utf8' });
      expect(status, stderr).toBe(0);
    }
  });

  it('names the row that is not a number, and the arguments that cannot be met', async () => {
    const spoiled = await activationFile('nan.safetensors', 600, (values) => (values[24 * 41 + 3] = NaN));
    const failed = ssae('train', '--activations', spoiled, ...TRAIN, '-o', at('nan'));
    expect(failed.status).toBe(1);
    expect(failed.stderr).toMatch(/row 41\b/);
    const wrong = ssae('train', '--activations', spoiled, '--d-sae', '8', '--k', '9', '-o', at('wrong'));
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toMatch(/--k.*9.*--d-sae.*8/s);
  });
});

describe('inspecting a text', () => {
  it('covers README.md exactly, in the shape that scripts rely on', () => {
    const text = readFileSync(join(packageRoot, 'README.md'), 'utf8');
    const result = answer(
      'inspect',
      shippedFile('README.md'),
      '--dictionary',
      'builtin-gsae',
      '--top',
      '3',
    ) as InspectResult;
    expect(result).toMatchObject({
      model: 'builtin',
      dictionary: 'builtin-gsae',
      hookPoint: 'blocks.2.hook_resid_post',
    });
    let end = 0;
    for (const [index, token] of result.tokens.entries()) {
      expect(token).toMatchObject({ index, start: end, text: text.slice(token.start, token.end) });
      end = token.end;
      expect(token.features.length).toBeLessThanOrEqual(3);
    }
    expect(end).toBe(text.length);
    expect(result.tokens[0]!.loss).toBeNull();
    expect(result.tokens.slice(1).every(({ loss }) => loss !== null && Number.isFinite(loss))).toBe(true);
  });
});

const TOPIC = 'A gravitational lens bends the light of a distant quasar and shows its image several times.';
const GENERAL = Array.from({ length: 60 }, (_, i) => {
  const words = [
    'market',
    'garden',
    'harbour',
    'school',
    'kitchen',
    'mountain',
    'theatre',
    'railway',
    'library',
    'farm',
  ];
  const [first, second, third] = [words[i % 10]!, words[(i * 3 + 1) % 10]!, words[(i * 7 + 4) % 10]!];
  return `On day ${i} the ${first} was quiet. Two people of the ${second} talked about the ${third}, and number ${i * 13} went home.`;
});
const DOMAIN = Array.from(
  { length: 16 },
  (_, i) =>
    `Galaxy ${i + 1} is a gravitational lens; ${i + 2} arcs of light within ${i * 3 + 5} arc seconds give its mass.`,
);

describe('from marked text to a specialised dictionary', () => {
  it('finds, trains, measures', () => {
    writeFileSync(at('corpus.txt'), [...GENERAL, ...DOMAIN].join('\n\n'));
    writeFileSync(
      at('held.txt'),
      'The lens galaxy magnifies a background quasar whose light arrives in four images.\n\nEinstein rings appear where source, lens and observer are in line.',
    );
    writeFileSync(at('seeds.txt'), `${TOPIC}\n\nThe deflection of light by a massive galaxy makes arcs and rings.`);
    ssae('corpus', 'add', 'small', at('corpus.txt'), '--unit', 'paragraph');
    ssae('corpus', 'add', 'held', at('held.txt'), '--unit', 'paragraph');
    expect(ssae('seeds', 'add', 'lensing', at('seeds.txt')).status).toBe(0);
    for (const arm of ['bm25', 'dense', 'bm25+tracin', 'dense+tracin', 'random', 'seeds']) {
      const words = [
        '--seeds',
        'lensing',
        '--corpus',
        'small',
        '--arm',
        arm,
        '--tokens',
        '300',
        '--dictionary',
        'builtin-gsae',
      ];
      const found = answer('retrieve', ...words, '-o', arm.replace('+', '-')) as RetrieveResult;
      expect(found.tokens).toBeLessThanOrEqual(300);
      if (arm.startsWith('bm25') || arm.startsWith('dense')) expect(found.hits[0]!.text).toMatch(/lens/);
    }
    const words = [
      '--from',
      'builtin-gsae',
      '--selection',
      'dense',
      '--tokens',
      '6000',
      '--batch',
      '128',
      '--tau',
      '0.5',
    ];
    const trained = answer('finetune', ...words, '-o', 'lensing-term') as TrainResult;
    expect(trained).toMatchObject({ objective: 'term', tau: 0.5, hookPoint: 'blocks.2.hook_resid_post' });
    expect(trained.final.effectiveSampleSize).toBeLessThan(128);
    const measured = answer(
      'eval',
      'lensing-term',
      '--baseline',
      'builtin-gsae',
      '--corpus',
      'held',
      '--exclude-selection',
      'dense',
    ) as EvaluateResult;
    expect(measured.splitHash).toMatch(/^[0-9a-f]{16}$/);
    expect(measured.metrics['explained_variance']!.difference).toBeGreaterThan(0);
    for (const { formula } of Object.values(measured.metrics)) expect(formula).toMatch(/n = /);
  });
});
