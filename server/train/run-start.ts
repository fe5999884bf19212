/** Where a run begins: new weights, those of another dictionary, or a checkpoint's. */
import type { DictionaryParameters, Engine, EngineTrainer, TrainingState } from '../compute/engine.ts';
import type { ActivationFolder } from '../foundation/activation-folder.ts';
import { parametersFor } from '../sae/architectures/finetuned.ts';
import { foldHomogeneousScale, type ActivationScale } from '../sae/canonical.ts';
import type { Dictionary } from '../sae/dictionary.ts';
import type { RowSource } from './batches.ts';
import { openTrainer, type CheckpointProgress } from './checkpoint.ts';
import type { HeldOutSplit } from './held-out-split.ts';
import { activationScale, initialParameters, SAMPLE_ROWS } from './initialise.ts';
import type { Method } from './method.ts';
import { FrozenDictionary, initialResidual } from './residual-dictionary.ts';
import { revivedLatents } from './trained-latents.ts';
import type { TrainingPlan } from './training-plan.ts';

/** What decides where a run begins. */
interface StartingJob {
  readonly data: ActivationFolder;
  readonly split: HeldOutSplit;
  readonly plan: TrainingPlan;
  readonly method: Method;
  readonly engine: Engine;
}

/** The trainer where the run begins, or goes on. What it starts from is let go with this call. */
export async function openRun(
  job: StartingJob,
  checkpoint: string,
  rows: RowSource,
  stored: CheckpointProgress | null,
): Promise<{ trainer: EngineTrainer; scale: ActivationScale; threshold: number | null }> {
  const { engine, plan } = job;
  if (stored !== null) {
    const { scale, threshold } = stored;
    return { trainer: await openTrainer(checkpoint, engine, plan, stored), scale, threshold };
  }
  const { from, scale, threshold } = await startOf(job, rows);
  return { trainer: await engine.trainer(plan.shape, from, plan.moments), scale, threshold };
}

interface Start {
  readonly from: DictionaryParameters | TrainingState;
  readonly scale: ActivationScale;
  readonly threshold: number | null;
}

const UNSCALED: ActivationScale = { input: 1, output: 1 };

async function startOf(job: StartingJob, rows: RowSource): Promise<Start> {
  const { plan, method, engine, data, split } = job;
  const { shape, architecture, seed } = plan;
  const sample = await rows.deal(Math.min(SAMPLE_ROWS, split.trainingRows), UNSCALED, 0);
  const input = activationScale(sample.values, data.dIn);
  const output = sample.targets === null ? input : activationScale(sample.targets, shape.dOut);
  const scale = { input, output };
  const inputs = sample.values.map((value) => value * input);
  if (method.kind === 'finetune' || method.kind === 'partial') return continuing(job, method, scale, inputs);
  const targets = sample.targets?.map((value) => value * output) ?? inputs;
  if (method.kind === 'new') {
    const from = await initialParameters(engine, shape, architecture, { inputs, targets }, seed);
    return { from, scale, threshold: null };
  }
  await using frozen = await FrozenDictionary.load(engine, method.of, scale);
  const problem = await frozen.problem(inputs);
  return { from: await initialResidual(engine, shape, architecture, problem, seed), scale, threshold: null };
}

/** @param inputs [rows, d_in] a sample, scaled */
async function continuing(
  { plan, engine }: StartingJob,
  method: Extract<Method, { from: Dictionary }>,
  scale: ActivationScale,
  inputs: Float32Array,
): Promise<Start> {
  const { shape, seed } = plan;
  const scaled = foldHomogeneousScale(method.from.parameters, { input: 1 / scale.input, output: 1 / scale.output });
  const threshold = plan.thresholdRate !== null ? (scaled.threshold?.[0] ?? null) : null;
  const parameters = parametersFor(shape, scaled);
  if (method.kind === 'finetune' || !method.revives || plan.auxiliary !== null)
    return { from: parameters, scale, threshold };
  return { from: await revivedLatents(engine, { shape, parameters }, method.chosen, inputs, seed), scale, threshold };
}
