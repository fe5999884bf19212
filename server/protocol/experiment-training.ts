/** How the dictionaries of an experiment's file are trained. */
import { z } from 'zod';
import { EngineChoice, FinetuneRequest, OptimizerSettings } from './requests.ts';
import { MAX_BATCH } from './training-amount.ts';

export const ExperimentMode = FinetuneRequest.shape.mode.unwrap();
export const MixShare = FinetuneRequest.shape.mix.unwrap().unwrap().shape.share;

const reference = z.string().min(1).max(4096);
const positive = z.int().min(1);

export const ExperimentTraining = z.strictObject({
  tokens: positive
    .nullable()
    .default(null)
    .describe(
      'Tokens each dictionary is trained on; rows come again when the selection has fewer. null: each once, or up to 20 times to make 1,000 steps.',
    ),
  batch: positive
    .max(1 << 20)
    .default(MAX_BATCH)
    .describe('Tokens of a step.'),
  optimizer: z
    .strictObject({
      learningRate: OptimizerSettings.shape.learningRate.describe(
        "Adam's learning rate; null chooses by architecture.",
      ),
      beta1: OptimizerSettings.shape.beta1.describe('Decay of the first moment.'),
      beta2: OptimizerSettings.shape.beta2.describe('Decay of the second moment.'),
      epsilon: OptimizerSettings.shape.epsilon.describe('Added to the root of the second moment.'),
      warmupSteps: OptimizerSettings.shape.warmupSteps.describe('Steps of linear warm-up; null chooses by length.'),
      decayShare: OptimizerSettings.shape.decayShare.describe(
        'Share of the run at its end in which the rate falls to zero.',
      ),
      maxGradientNorm: OptimizerSettings.shape.maxGradientNorm.describe(
        'Gradient norm above which it is clipped; null never.',
      ),
    })
    .prefault({})
    .describe('Adam and its schedule.'),
  l1: z
    .number()
    .min(0)
    .nullable()
    .default(null)
    .describe('Sparsity coefficient of a relu dictionary; null takes the one it was trained with.'),
  residualFeatures: FinetuneRequest.shape.residualFeatures.describe('With mode "residual": features that are added.'),
  trainLatents: reference
    .nullable()
    .default(null)
    .describe(
      'With mode "partial": "dead", or a text file of the numbers of the features that train, relative to this file.',
    )
    .meta({ examples: ['dead', './features.txt'] }),
  mix: z
    .strictObject({
      corpus: reference.describe(
        'A key of "corpora", or a corpus of the home folder; not one that is measured on, for then it is trained on too.',
      ),
      share: MixShare.describe('Share of every batch that is drawn from it.').meta({ examples: [0.3] }),
    })
    .nullable()
    .default(null)
    .describe('General text mixed into every batch, so that less of it is forgotten.'),
  engine: EngineChoice.default('auto').describe('What computes.'),
  heldOutShare: FinetuneRequest.shape.heldOutShare.describe(
    'Share of the selection that is not trained on but measured.',
  ),
});

interface Modes {
  readonly mode: z.infer<typeof ExperimentMode>;
  readonly training: z.infer<typeof ExperimentTraining>;
  readonly sweep: {
    readonly mode?: readonly z.infer<typeof ExperimentMode>[] | undefined;
    readonly mixShare?: readonly number[] | undefined;
  };
  readonly evaluation: { readonly domain: { corpus: string }; readonly general: { corpus: string } | null };
}

/** What a mode or a mixture misses, or has and cannot use. */
export function* modeProblems({
  mode,
  training,
  sweep,
  evaluation,
}: Modes): Generator<[path: string[], message: string]> {
  const modes = sweep.mode ?? [mode];
  const { mix } = training;
  for (const [wanted, key, what] of [
    ['residual', 'residualFeatures', 'the number of features that are added'],
    ['partial', 'trainLatents', '"dead", or a file of feature numbers'],
  ] as const) {
    const given = training[key] !== null;
    if (given && !modes.includes(wanted))
      yield [['training', key], `it applies to mode "${wanted}", which the experiment does not have`];
    if (!given && modes.includes(wanted)) yield [['training', key], `mode "${wanted}" needs ${what}`];
  }
  if (mix === null && sweep.mixShare !== undefined)
    yield [['training', 'mix'], '"sweep.mixShare" needs a corpus to mix in'];
  if (mix !== null && [evaluation.domain.corpus, evaluation.general?.corpus].includes(mix.corpus))
    yield [
      ['training', 'mix', 'corpus'],
      'dictionaries are measured on this corpus, and would be trained on the same passages; expected another one',
    ];
}
