/**
 * An experiment as a file, `NAME.ssae.json`: what is searched, how, with which budgets, what is trained on it and on what it is
 * measured. `media/experiment.schema.json` is made from this schema, so descriptions are what the editor shows.
 */
import { z } from 'zod';
import { ExperimentMode, ExperimentTraining, MixShare, modeProblems } from './experiment-training.ts';
import { ArmName, IngestRequest } from './requests.ts';

export const EXPERIMENT_ENDING = '.ssae.json';

const MAX_SOURCES = 1000;
const MAX_VALUES = 32;

const nameUpTo = (length: number): z.ZodString =>
  z
    .string()
    .regex(
      new RegExp(`^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,${length - 2}}[A-Za-z0-9_-])?$`),
      `expected a name: letters, digits, ".", "_" and "-", at most ${length} of them`,
    );
const reference = z.string().min(1).max(4096);
const positive = z.int().min(1);
const randomSeed = z.int().min(0).max(0x7fffffff);

function unique<T extends z.ZodType>(list: z.ZodArray<T>): z.ZodArray<T> {
  return list
    .refine(
      (values) => new Set(values.map((value) => JSON.stringify(value))).size === values.length,
      'a value comes twice',
    )
    .meta({ uniqueItems: true });
}

const CorpusSource = z.strictObject({
  sources: z
    .array(reference)
    .min(1)
    .max(MAX_SOURCES)
    .describe(
      'Files, folders, globs (relative to this file), or built-in text: builtin:wordnet, builtin:moby-dick, builtin:sotu.',
    )
    .meta({ examples: [['texts/*.txt'], ['builtin:wordnet']] }),
  unit: IngestRequest.shape.unit.describe('What a passage is: a whole document, a paragraph, or a window of tokens.'),
  windowTokens: IngestRequest.shape.windowTokens.describe('Tokens of a window; only for unit "window".'),
  textField: IngestRequest.shape.textField.describe('Field that holds the text, in JSON lines, CSV and Parquet.'),
  idField: IngestRequest.shape.idField.describe('Field that identifies a document; null takes its place in the file.'),
});

const SeedSource = z
  .strictObject({
    files: z
      .array(reference)
      .max(MAX_SOURCES)
      .default([])
      .describe('Text files relative to this file. FILE:START-END is one seed, the lines from START to END.')
      .meta({ examples: [['seeds.txt'], ['chapter.md:12-14']] }),
    texts: z
      .array(z.string().min(1).max(100_000))
      .max(10_000)
      .default([])
      .describe('Seeds written here, one a string.'),
    stored: reference.nullable().default(null).describe('A seed set of the home folder, or a .jsonl file of seeds.'),
    split: z
      .enum(['paragraph', 'line', 'none'])
      .default('paragraph')
      .describe('How a file without a range of lines is cut into seeds.'),
  })
  .refine(
    ({ files, texts, stored }) => files.length > 0 || texts.length > 0 || stored !== null,
    'the seed set is empty; give "files", "texts" or "stored"',
  );

const ExperimentObjective = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('erm').describe('The mean of the token losses.') }),
    z
      .strictObject({
        kind: z
          .literal('term')
          .describe('Tilted: (1/t) log mean exp(t · loss), which weighs tokens of high loss more.'),
        tau: z
          .number()
          .min(0)
          .optional()
          .describe('Relative tilt: t = tau / mean loss of the batch. Exactly one of this, "tilt" and "ess".')
          .meta({ examples: [0.1, 0.5] }),
        tilt: z.number().min(0).optional().describe('Raw tilt t, in units of 1/loss, instead of "tau".'),
        ess: z
          .number()
          .gt(0)
          .max(1)
          .optional()
          .describe(
            'Instead of "tau": the share of the batch at which the effective sample size 1 / Σ w² is held; the tilt is solved each step.',
          )
          .meta({ examples: [0.5] }),
        warmupSteps: z.int().min(0).optional().describe('Steps over which the tilt grows from 0.'),
        innerTau: z
          .number()
          .min(0)
          .optional()
          .describe(
            'Tilt whole passages, and the tokens within each by this relative tilt; 0 tilts the mean losses of passages.',
          )
          .meta({ examples: [0] }),
        tilts: z
          .enum(['loss', 'reconstruction'])
          .default('loss')
          .describe('What is tilted: reconstruction error plus sparsity penalty, or the error alone.'),
      })
      .refine(
        ({ tau, tilt, ess }) => [tau, tilt, ess].filter((given) => given !== undefined).length === 1,
        'expected exactly one of "tau", "tilt" and "ess"',
      ),
  ])
  .describe('What training minimises.');
export type ExperimentObjective = z.infer<typeof ExperimentObjective>;

const Split = z.strictObject({
  corpus: reference.describe('A key of "corpora", or a corpus of the home folder.'),
  where: z
    .record(z.string(), z.string())
    .default({})
    .describe('Only passages whose field has this value.')
    .meta({ examples: [{ domains: 'physics' }] }),
  tokens: positive
    .default(20_000)
    .describe('Held-out tokens to measure on; what overlaps a seed or a selection is left out.'),
});

const numbers = <T extends z.ZodType>(item: T, description: string) =>
  unique(z.array(item).min(1).max(MAX_VALUES)).optional().describe(description);

const Sweep = z.strictObject({
  selectionTokens: numbers(positive, 'Budgets of the selections, tokens; instead of "selection.tokens".'),
  trainingTokens: numbers(positive, 'Lengths of training, tokens; instead of "training.tokens".'),
  learningRate: numbers(z.number().positive(), 'Learning rates; instead of "training.optimizer.learningRate".'),
  l1: numbers(z.number().min(0), 'Sparsity coefficients (relu); instead of "training.l1". Gives a Pareto curve.'),
  mode: numbers(ExperimentMode, 'Modes; instead of "mode".'),
  mixShare: numbers(
    z.literal(0).or(MixShare),
    'Shares of general text; instead of "training.mix.share". 0 mixes none in.',
  ),
});
export type ExperimentSweep = z.infer<typeof Sweep>;

export const Experiment = z
  .strictObject({
    $schema: z.string().max(4096).optional().describe('Where this schema is; ignored.'),
    kind: z.literal('experiment').default('experiment').describe('What this file is.'),
    name: nameUpTo(60)
      .optional()
      .describe("The run folder's name; the file's own name without .ssae.json where it is left out."),
    title: z.string().max(200).optional().describe("The report's title."),
    model: reference
      .nullable()
      .default(null)
      .describe('Language model: a stored name or "builtin". null takes the one the dictionary was trained on.'),
    hookPoint: reference
      .nullable()
      .default(null)
      .describe("Where in the model. null takes the dictionary's.")
      .meta({ examples: ['blocks.2.hook_resid_post'] }),
    dictionary: reference
      .default('builtin-gsae')
      .describe(
        'The general dictionary (GSAE) to start from and compare with: a stored name, or a folder relative to this file.',
      ),
    corpora: z
      .record(nameUpTo(60), CorpusSource)
      .default({})
      .describe('Corpora that are made from files for this experiment, by name.'),
    corpus: reference.describe('The corpus that is searched: a key of "corpora", or a corpus of the home folder.'),
    seeds: z
      .record(nameUpTo(30), SeedSource)
      .refine((sets) => Object.keys(sets).length > 0, 'expected at least one seed set')
      .describe('Seed sets by name, each a few texts that show the rare concept. Every arm is run with each set.')
      .meta({ examples: [{ physics: { files: ['physics-seeds.txt'] } }] }),
    arms: unique(z.array(ArmName).min(1))
      .describe('Retrieval arms. The first is the one that the verdict is about: choose it before you see results.')
      .meta({ examples: [['dense+tracin', 'bm25']] }),
    selection: z
      .strictObject({
        tokens: positive.default(100_000).describe('Token budget of every selection.'),
        candidates: z
          .number()
          .min(1)
          .max(1000)
          .default(4)
          .describe('Passages a tracin arm reranks, as a multiple of the budget.'),
      })
      .prefault({})
      .describe('How much is retrieved.'),
    objectives: unique(z.array(ExperimentObjective).min(1).max(MAX_VALUES))
      .default([{ kind: 'erm' }])
      .describe('Each selection is trained on with every objective.')
      .meta({ examples: [[{ kind: 'erm' }, { kind: 'term', tau: 0.5 }]] }),
    mode: ExperimentMode.default('finetune').describe(
      "Go on from the dictionary's weights, train the same shape anew, add features that reconstruct its error (residual), or train only some of its features (partial).",
    ),
    training: ExperimentTraining.prefault({}).describe('How each dictionary is trained.'),
    sweep: Sweep.prefault({}).describe('Values to try, every combination.'),
    randomSeeds: unique(z.array(randomSeed).min(1).max(MAX_VALUES))
      .default([0])
      .describe('Everything is repeated with each; three give a spread.')
      .meta({ examples: [[0, 1, 2]] }),
    evaluation: z
      .strictObject({
        domain: Split.describe('Held-out text of the rare domain.'),
        general: Split.nullable().default(null).describe('Held-out general text: what specialising costs.'),
        seed: randomSeed.default(0).describe('Of the sample and the bootstrap; the same text for every dictionary.'),
      })
      .describe('What the dictionaries are measured on.'),
    labels: z
      .strictObject({
        field: z.string().min(1).max(200).describe('A field of the searched passages.'),
        value: z
          .string()
          .min(1)
          .max(1000)
          .describe('Its value, alone or among values with | between, in passages of the domain.'),
      })
      .nullable()
      .default(null)
      .describe('Ground truth for retrieval, where the corpus has it: gives every arm a precision.'),
    controls: z
      .boolean()
      .default(true)
      .describe(
        'Add what a gain has to be measured against where it is missing: the random arm and the mean loss (erm).',
      ),
  })
  .superRefine((experiment, context) => {
    for (const [path, message] of modeProblems(experiment)) context.addIssue({ code: 'custom', path, message });
  })
  .meta({
    title: 'SSAE experiment',
    description: 'Seeds, retrieval, finetuning and evaluation as one file. Run it with: ssae run FILE',
  });
export type Experiment = z.infer<typeof Experiment>;

/** The JSON schema of the file as a person writes it: what has a default may be left out. */
export function experimentJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(Experiment, { io: 'input', target: 'draft-7' });
}
