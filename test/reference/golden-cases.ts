/**
 * PyTorch autograd in float64, five optimiser steps a case: what each file holds is in `shared/fixtures/train/README.md` (a copy is
 * in `test/fixtures/train`, with the cases of four architectures, which are used where `shared/` is absent).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../server/foundation/package-root.ts';

const FOLDERS = [
  join(packageRoot, '..', 'shared', 'fixtures', 'train'),
  join(packageRoot, 'test', 'fixtures', 'train'),
];

export const GOLDEN_ARCHITECTURES = [
  ...['relu_l1', 'relu_l1_unit', 'topk', 'topk_auxk', 'batchtopk'],
  ...['matryoshka', 'jumprelu_step', 'jumprelu_tanh', 'gated'],
];

export interface GoldenConfig {
  readonly arch: 'relu_l1' | 'relu_l1_unit' | 'topk' | 'topk_auxk' | 'batchtopk' | 'matryoshka' | 'jumprelu' | 'gated';
  readonly k: number;
  readonly apply_b_dec_to_input: boolean;
  readonly sparsity_coefficient: number;
  readonly unit_norm_decoder: boolean;
  readonly rescale_acts_by_decoder_norm: boolean;
  readonly auxk_coefficient: number;
  readonly auxk_k: number;
  readonly auxk_normalise: boolean;
  readonly auxk_scale_by_dead_count: boolean;
  readonly dead_after_tokens: number;
  readonly bandwidth: number;
  readonly jumprelu_penalty: 'step' | 'tanh';
  readonly tanh_scale: number;
  readonly ste_to_input: boolean;
  readonly gated_variant: 'paper' | 'saelens';
  readonly widths: readonly number[];
  readonly objective: 'erm' | 'tilt' | 'relative_tilt';
  readonly tilt: number;
  readonly tilts: 'total' | 'reconstruction';
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly max_grad_norm: number | null;
}

export interface GoldenCase {
  readonly title: string;
  readonly problem: string;
  readonly golden: string;
  readonly config: GoldenConfig;
  /** η of the moving average of the inference threshold. */
  readonly thresholdRate: number;
}

/** Empty where the fixtures of an architecture are absent. */
export function goldenCases(architecture: string): GoldenCase[] {
  const folder = FOLDERS.map((root) => join(root, architecture)).find((path) => existsSync(path));
  if (folder === undefined) return [];
  const { cases, threshold_lr_saelens: thresholdRate } = JSON.parse(
    readFileSync(join(folder, 'cases.json'), 'utf8'),
  ) as { cases: Record<string, { config: GoldenConfig }>; threshold_lr_saelens: number };
  const files = new Set(readdirSync(folder));
  return Object.entries(cases)
    .filter(([name]) => files.has(`${name}.safetensors`))
    .map(([name, { config }]) => ({
      title: `${architecture} ${name}`,
      problem: join(folder, 'problem.safetensors'),
      golden: join(folder, `${name}.safetensors`),
      ...{ config, thresholdRate },
    }));
}
