import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DictionaryParameters, EngineShape, StepSettings, TrainingState } from '../server/compute/engine.ts';
import { packageRoot } from '../server/foundation/package-root.ts';
import { SafetensorsFile } from '../server/foundation/safetensors.ts';
import type { Objective } from '../server/protocol/requests.ts';
import { transpose } from '../server/sae/canonical.ts';
import { weighLosses } from '../server/train/objective.ts';
import { referenceEngine } from './reference-engine.ts';

interface Case {
  readonly config: Readonly<Record<string, number>> & {
    readonly arch: string;
    readonly apply_b_dec_to_input: boolean;
    readonly unit_norm_decoder: boolean;
    readonly auxk_normalise: boolean;
    readonly objective: string;
    readonly tilts: string;
    readonly betas: readonly [number, number];
    readonly max_grad_norm: number | null;
  };
}

const goldens = join(packageRoot, '..', 'shared', 'fixtures', 'train');
const casesOf = (arch: string): [string, string, Case][] =>
  existsSync(goldens)
    ? Object.entries(
        (JSON.parse(readFileSync(join(goldens, arch, 'cases.json'), 'utf8')) as { cases: Record<string, Case> }).cases,
      )
        .filter(([name]) => name !== 'erm_auxk_saelens' && !name.includes('rescale'))
        .map(([name, golden]) => [arch, name, golden])
    : [];
const cases = ['relu_l1', 'relu_l1_unit', 'topk', 'topk_auxk'].flatMap(casesOf);

async function parametersOf(file: SafetensorsFile, prefix: string): Promise<DictionaryParameters> {
  const [dIn, dSae] = file.entry(`${prefix}.W_enc`).shape as [number, number];
  return {
    encoder: transpose(await file.float32(`${prefix}.W_enc`), dIn, dSae),
    encoderBias: await file.float32(`${prefix}.b_enc`),
    decoder: await file.float32(`${prefix}.W_dec`),
    decoderBias: await file.float32(`${prefix}.b_dec`),
  };
}

function shapeOf({ config }: Case, { decoderBias, encoderBias }: DictionaryParameters): EngineShape {
  const kind = config.arch.startsWith('topk') ? 'topk' : 'relu';
  return {
    dIn: decoderBias.length,
    dSae: encoderBias.length,
    architecture:
      kind === 'topk'
        ? { kind, k: config['k']! }
        : { kind, penalty: config.arch === 'relu_l1' ? 'decoder_norm_weighted' : 'plain' },
    applyDecoderBiasToInput: config.apply_b_dec_to_input,
    unitNormDecoder: config.unit_norm_decoder,
  };
}

function objectiveOf({ config }: Case): Objective {
  if (config.objective === 'erm') return { kind: 'erm' };
  const tilts = config.tilts === 'reconstruction' ? 'reconstruction' : 'loss';
  const value = config['tilt']!;
  return config.objective === 'tilt'
    ? { kind: 'term', tilt: { kind: 'raw', t: value }, tilts }
    : { kind: 'term', tilt: { kind: 'relative', tau: value }, tilts };
}

function settingsOf({ config }: Case, step: number): StepSettings {
  const warmup = config['warmup_steps']!;
  return {
    learningRate: config['lr']! * (warmup === 0 ? 1 : Math.min(1, (step + 1) / warmup)),
    beta1: config.betas[0],
    beta2: config.betas[1],
    epsilon: config['eps']!,
    maxGradientNorm: config.max_grad_norm,
    auxiliary:
      config.arch === 'topk_auxk'
        ? {
            k: config['auxk_k']!,
            coefficient: config['auxk_coefficient']!,
            deadAfterTokens: config['dead_after_tokens']!,
            normalised: config.auxk_normalise,
          }
        : null,
  };
}

function close(got: ArrayLike<number>, want: ArrayLike<number>, what: string): void {
  expect(got.length, what).toBe(want.length);
  const scale = Array.from(want).reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-30);
  const worst = Array.from(want).reduce((most, value, i) => Math.max(most, Math.abs(value - got[i]!)), 0);
  expect(worst / scale, what).toBeLessThan(1e-5);
}

async function closeParameters(got: DictionaryParameters, file: SafetensorsFile, prefix: string): Promise<void> {
  const want = await parametersOf(file, prefix);
  for (const key of ['encoder', 'encoderBias', 'decoder', 'decoderBias'] as const)
    close(got[key], want[key], `${prefix} ${key}`);
}

const title = existsSync(goldens) ? 'the reference engine' : 'the reference engine (skipped: no shared/ fixtures)';
describe.skipIf(cases.length === 0)(title, () => {
  it.each(cases)('agrees with PyTorch over five steps: %s %s', async (arch, name, golden) => {
    await using problem = await SafetensorsFile.open(join(goldens, arch, 'problem.safetensors'));
    await using file = await SafetensorsFile.open(join(goldens, arch, `${name}.safetensors`));
    const start = await parametersOf(problem, 'params0');
    const batches = await problem.float32('batches');
    const size = batches.length / 5;
    await using fresh = await referenceEngine.trainer(shapeOf(golden, start), start);
    const state: TrainingState = {
      ...(await fresh.state()),
      tokensSinceFired: Float64Array.from(
        new BigInt64Array((await problem.bytes('tokens_since_fired0')).buffer),
        Number,
      ),
    };
    await using trainer = await referenceEngine.trainer(fresh.shape, state);
    const losses = await file.float32('loss');
    const ess = await file.float32('ess');
    for (let step = 0; step < 5; step++) {
      const forward = await trainer.forward(
        batches.subarray(step * size, (step + 1) * size),
        golden.config['sparsity_coefficient']!,
      );
      const weighed = weighLosses(objectiveOf(golden), forward.reconstruction, forward.sparsity);
      const settings = settingsOf(golden, step);
      if (step === 0) await closeParameters(await trainer.gradient(weighed.weights, settings), file, 'grad1');
      const { auxiliaryLoss } = await trainer.backward(weighed.weights, settings);
      close([weighed.loss + auxiliaryLoss], [losses[step]!], `loss of step ${step}`);
      close([weighed.effectiveSampleSize], [ess[step]!], `ess of step ${step}`);
      if (step === 0) await closeParameters((await trainer.state()).parameters, file, 'params1');
    }
    await closeParameters((await trainer.state()).parameters, file, 'params5');
  });
});
