import type { Passage } from '../corpus/passage.ts';
import { UsageError, WorkError } from '../foundation/errors.ts';
import { throwIfStopped, type JobControl } from '../foundation/progress.ts';
import { Random } from '../foundation/random.ts';
import type { LanguageModel } from '../model/language-model.ts';
import type { EvaluateResult, Metric } from '../protocol/results.ts';
import { logRatios, type EvaluationCurves } from './curves.ts';
import { DocumentSums, DICTIONARY_SUMS } from './document-sums.ts';
import { EvaluatedDictionary, type LoadedDictionary, type TokenBatch } from './evaluated-dictionary.ts';
import { sequenceBatches, type EvaluationSequence } from './evaluation-sequences.ts';
import { metricsOfDocuments, metricsOfFeatures, metricsOfTypes } from './metric-report.ts';
import { ordinaryRows, patched, splicedSums } from './spliced-metrics.ts';
import { metricsOfWeights } from './weight-metrics.ts';
import { DEFAULT_RULE, tailFirst, type CoverageRule } from './tail-coverage.ts';

export interface Evaluation extends EvaluateResult {
  readonly curves: EvaluationCurves;
}

export interface EvaluationRequest {
  /** Held-out: none overlaps what the dictionaries were trained or chosen on. */
  readonly passages: readonly Passage[];
  readonly model: LanguageModel;
  readonly hookPoint: string;
  readonly dictionary: LoadedDictionary;
  readonly baseline: LoadedDictionary | null;
  /** Of the bootstrap. */
  readonly seed: number;
  readonly splitHash: string;
  readonly overlapDropped: number;
  /** When a token type has a feature; {@link DEFAULT_RULE} where not given. */
  readonly coverage?: CoverageRule;
  /** Strongest contexts kept of each feature for tail coverage. */
  readonly contextsPerFeature?: number;
}

const MAX_BATCH_TOKENS = 2048;
/** The model keeps the unchanged log-probabilities of a batch for all that are compared with them, while they are no more than this. */
const REFERENCE_BYTES = 80 * 2 ** 20;

const CONTEXTS_PER_FEATURE = 10;

/** One pass over the held-out text: every model run is shared by the dictionary and its baseline. */
class EvaluationPass {
  readonly dictionaries: readonly EvaluatedDictionary[];
  readonly documents: DocumentSums;
  readonly typeCounts = new Map<number, number>();
  tokens = 0;
  readonly #model: LanguageModel;
  readonly #hookPoint: string;

  constructor({ model, hookPoint, dictionary, baseline, contextsPerFeature }: EvaluationRequest) {
    this.#model = model;
    this.#hookPoint = hookPoint;
    const loaded = baseline === null ? [dictionary] : [dictionary, baseline];
    for (const { dictionary: one } of loaded)
      if (one.shape.dIn !== model.description.dModel)
        throw new UsageError(
          `dictionary ${one.name} reads activations of width ${one.shape.dIn}, but ${hookPoint} of model ` +
            `${model.description.name} has width ${model.description.dModel}; give the model it was trained on`,
        );
    this.dictionaries = loaded.map((one) => new EvaluatedDictionary(one, contextsPerFeature ?? CONTEXTS_PER_FEATURE));
    this.documents = new DocumentSums(model.description.dModel, loaded.length);
  }

  async add(batch: readonly EvaluationSequence[], signal: AbortSignal): Promise<void> {
    const sequences = batch.map(({ ids }) => ids);
    const activations = await this.#model.activations(this.#hookPoint, sequences, signal);
    const rows = batch.map(({ special }, i) => ordinaryRows(activations[i]!, special));
    const tokens = tokenBatch(batch, rows);
    const spliced = async (replacements: readonly (Float32Array | null)[]) =>
      this.#model.splicedLosses(
        this.#hookPoint,
        sequences,
        batch.map(({ special }, i) => patched(activations[i]!, special, replacements[i]!)),
        signal,
      );
    const original = await this.#model.losses(sequences, signal);
    const zero = await spliced(batch.map(() => null));
    const sums = [];
    for (const dictionary of this.dictionaries) {
      const reconstructed = await dictionary.reconstruct(tokens);
      const losses = await spliced(reconstructed.map(({ reconstruction }) => reconstruction));
      sums.push(
        batch.map(({ special }, i) => ({
          ...reconstructed[i]!.sums,
          ...splicedSums(special, original[i]!, zero[i]!, losses[i]!),
        })),
      );
    }
    for (const type of tokens.types) this.typeCounts.set(type, (this.typeCounts.get(type) ?? 0) + 1);
    for (const [i, { document }] of batch.entries())
      this.documents.add(
        document,
        rows[i]!,
        sums.map((ofDictionary) => ofDictionary[i]!),
      );
    this.tokens += tokens.types.length;
  }
}

function tokenBatch(batch: readonly EvaluationSequence[], rows: readonly Float32Array[]): TokenBatch {
  const types = batch.flatMap(({ ids, special }) => [...ids].filter((_, i) => special[i] === 0));
  const activations = new Float32Array(rows.reduce((sum, row) => sum + row.length, 0));
  const width = activations.length / Math.max(1, types.length);
  const offsets = [0];
  for (const row of rows) {
    activations.set(row, offsets.at(-1)! * width);
    offsets.push(offsets.at(-1)! + row.length / width);
  }
  return { activations, types: Int32Array.from(types), offsets };
}

/**
 * Every metric of docs/metrics.md that held-out text and a model give, of a dictionary and, where there is one, against a baseline.
 * Special tokens (BOS) are masked and left unpatched. A metric whose formula divides by zero is NaN.
 * @throws WorkError when the passages hold no token; UsageError when a dictionary does not fit the model
 */
export async function evaluateDictionary(request: EvaluationRequest, control: JobControl): Promise<Evaluation> {
  const pass = new EvaluationPass(request);
  const total = request.passages.reduce((sum, { tokens }) => sum + tokens, 0);
  const { contextLength, vocabulary } = request.model.description;
  const fitting = Math.floor(REFERENCE_BYTES / (4 * vocabulary)) - contextLength;
  const batchTokens = Math.max(1, Math.min(MAX_BATCH_TOKENS, fitting));
  for (const batch of sequenceBatches(request.passages, request.model, batchTokens)) {
    throwIfStopped(control);
    await pass.add(batch, control.signal);
    control.report({ stage: 'evaluating', done: Math.min(pass.tokens, total), total, unit: 'tokens' });
  }
  if (pass.tokens === 0)
    throw new WorkError(
      `nothing to evaluate on: ${request.passages.length} held-out passages hold no token (${request.overlapDropped} were left out because they overlap)`,
    );
  return report(request, pass);
}

async function report(request: EvaluationRequest, pass: EvaluationPass): Promise<Evaluation> {
  const { dictionary, baseline, seed, splitHash, overlapDropped, coverage: rule = DEFAULT_RULE } = request;
  const [first, second = null] = pass.dictionaries as [EvaluatedDictionary, EvaluatedDictionary?];
  const types = tailFirst(pass.typeCounts);
  const covered = pass.dictionaries.map((one) => one.covered(rule));
  const contexts = request.contextsPerFeature ?? CONTEXTS_PER_FEATURE;
  const random = new Random(seed);
  const metrics: Record<string, Metric> = {
    ...(await metricsOfDocuments(
      pass.documents.matrix(),
      DICTIONARY_SUMS.length,
      first.dictionary.shape.dIn,
      second !== null,
      random,
    )),
    ...(await metricsOfFeatures(first.tally, second?.tally ?? null, random)),
    ...metricsOfWeights(first.dictionary, second?.dictionary ?? null),
    ...(await metricsOfTypes(types, covered, { ...rule, contexts }, random)),
  };
  return {
    dictionary: dictionary.dictionary.name,
    baseline: baseline?.dictionary.name ?? null,
    n: { tokens: pass.tokens, documents: pass.documents.documents },
    splitHash,
    overlapDropped,
    metrics,
    curves: {
      dictionary: first.curves(types, covered[0]!),
      baseline: second?.curves(types, covered[1]!) ?? null,
      logRatios: second === null ? null : logRatios(first.tally, second.tally),
    },
  };
}
