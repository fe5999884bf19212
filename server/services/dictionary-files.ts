import { cp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { EngineDictionary, SparseFeatures } from '../compute/engine.ts';
import { UsageError } from '../foundation/errors.ts';
import { throwIfStopped, type JobControl } from '../foundation/progress.ts';
import { writeSafetensors, type TensorData } from '../foundation/safetensors.ts';
import { writeFolderAtomic } from '../foundation/files.ts';
import { ActivationMoments, reconstructionSums } from '../evaluate/reconstruction-metrics.ts';
import type { EncodeRequest, ExportDictionaryRequest, ImportDictionaryRequest } from '../protocol/requests.ts';
import type { DictionarySummary, EncodeResult, ExportResult } from '../protocol/results.ts';
import { loadDictionary, refuseForeignFolder, saveDictionary } from '../sae/dictionary-store.ts';
import type { Dictionary } from '../sae/dictionary.ts';
import { LABELS_FILE, writeLabels } from '../sae/labels.ts';
import { reconstruct } from '../sae/reconstruct.ts';
import { ActivationReader } from '../train/activation-reader.ts';
import { openActivationFile, refuseOtherWidth } from '../train/activation-file.ts';
import type { Resources } from './resources.ts';

const ROWS_AT_A_TIME = 4096;
/** Of a dense table of features. */
const MAX_DENSE_BYTES = 4 * 2 ** 30;

/** Features of n tokens as tensors: dense [n, d_sae], or the non-zero ones [n, l0_max], padded with feature 0 and value 0. */
function featureTensors(
  { offsets, features, values }: SparseFeatures,
  dSae: number,
  sparse: boolean,
): Record<string, TensorData> {
  const tokens = offsets.length - 1;
  const widths = Array.from({ length: tokens }, (_, i) => offsets[i + 1]! - offsets[i]!);
  const width = sparse ? widths.reduce((most, count) => Math.max(most, count), 0) : dSae;
  const dense = new Float32Array(tokens * width);
  const indices = new BigInt64Array(sparse ? tokens * width : 0);
  for (let token = 0; token < tokens; token++)
    for (let at = offsets[token]!; at < offsets[token + 1]!; at++) {
      const place = token * width + (sparse ? at - offsets[token]! : features[at]!);
      dense[place] = values[at]!;
      if (sparse) indices[place] = BigInt(features[at]!);
    }
  return sparse
    ? {
        indices: { dtype: 'I64', shape: [tokens, width], data: indices },
        values: { dtype: 'F32', shape: [tokens, width], data: dense },
      }
    : { feature_acts: { dtype: 'F32', shape: [tokens, width], data: dense } };
}

interface Encoded {
  readonly features: SparseFeatures;
  readonly reconstruction: Float32Array;
  /** Null of a transcoder, whose targets are not there. */
  readonly explainedVariance: number | null;
}

/** 1 − Σ‖x − x̂‖² / Σ‖x − x̄‖², x̄ the mean row. */
function explainedVariance(rows: Float32Array, reconstruction: Float32Array, dIn: number): number {
  const moments = new ActivationMoments(dIn);
  moments.add(rows);
  return 1 - reconstructionSums(rows, reconstruction, dIn, 0).squaredError / moments.squaresAbout(moments.mean);
}

async function encodeRows(
  rows: Float32Array,
  { parameters, transcoder }: Dictionary,
  engine: EngineDictionary,
  control: JobControl,
): Promise<Encoded> {
  const { dIn, dOut } = engine.shape;
  const tokens = rows.length / dIn;
  const reconstruction = new Float32Array(tokens * dOut);
  const parts: SparseFeatures[] = [];
  for (let first = 0; first < tokens; first += ROWS_AT_A_TIME) {
    throwIfStopped(control);
    const inputs = rows.subarray(first * dIn, (first + ROWS_AT_A_TIME) * dIn);
    const part = await engine.encode(inputs);
    reconstruction.set(await reconstruct(engine, parameters, part, inputs), first * dOut);
    parts.push(part);
    control.report({ stage: 'encoding', done: first, total: tokens, unit: 'tokens' });
  }
  const variance = transcoder === undefined ? explainedVariance(rows, reconstruction, dIn) : null;
  return { features: joined(parts), reconstruction, explainedVariance: variance };
}

function joined(parts: readonly SparseFeatures[]): SparseFeatures {
  const count = parts.reduce((sum, { values }) => sum + values.length, 0);
  const tokens = parts.reduce((sum, { offsets }) => sum + offsets.length - 1, 0);
  const all = {
    offsets: new Uint32Array(tokens + 1),
    features: new Uint32Array(count),
    values: new Float32Array(count),
  };
  let [token, at] = [0, 0];
  for (const { offsets, features, values } of parts) {
    all.features.set(features, at);
    all.values.set(values, at);
    for (let i = 1; i < offsets.length; i++) all.offsets[++token] = at + offsets[i]!;
    at += values.length;
  }
  return all;
}

function refuseHuge({ sparse }: EncodeRequest, rows: number, dSae: number): void {
  const bytes = rows * dSae * 4;
  if (!sparse && bytes > MAX_DENSE_BYTES)
    throw new UsageError(
      `${rows} rows × ${dSae} features × 4 bytes make a dense table of ${Math.ceil(bytes / 2 ** 30)} GiB; write only the features that fire with --sparse, or encode fewer rows`,
    );
}

/** `ssae dictionary encode`: feature activations and reconstructions of given activations. */
export async function encodeDictionary(
  request: EncodeRequest,
  resources: Resources,
  control: JobControl,
): Promise<EncodeResult> {
  const dictionary = await resources.dictionaries.load(request.dictionary);
  const data = await openActivationFile(request.activations);
  refuseOtherWidth(dictionary, data);
  refuseHuge(request, data.rows, dictionary.shape.dSae);
  const rows = await new ActivationReader(data).read([{ first: 0, end: data.rows }]);
  const engine = await resources.held(dictionary, request.engine);
  const { features, reconstruction, explainedVariance: variance } = await encodeRows(rows, dictionary, engine, control);
  const { dOut, dSae } = dictionary.shape;
  await writeSafetensors(request.output, {
    ...featureTensors(features, dSae, request.sparse),
    reconstruction: { dtype: 'F32', shape: [data.rows, dOut], data: reconstruction },
  });
  return {
    ...{ dictionary: request.dictionary, output: request.output, tokens: data.rows },
    ...{ l0: features.values.length / data.rows, explainedVariance: variance },
  };
}

/** Reads a SAELens folder whoever wrote it, checks it, and stores it in our own form. */
export async function importDictionary(
  { source, name }: ImportDictionaryRequest,
  { dictionaries }: Resources,
): Promise<DictionarySummary> {
  const dictionary = await loadDictionary(resolve(source), name);
  const inputs = { source: dictionary.contentHash };
  const config = { kind: 'import', format: 'sae_lens' };
  await saveDictionary(dictionaries.outputFolder(name), dictionary, { config, inputs, seed: null, metrics: null });
  return dictionaries.show(name);
}

/** A stored dictionary is a SAELens folder already; exporting copies it, with labels that are kept elsewhere. */
export async function exportDictionary(
  { dictionary, format, output }: ExportDictionaryRequest,
  { dictionaries }: Resources,
): Promise<ExportResult> {
  const folder = await dictionaries.resolve(dictionary);
  const { labels } = await dictionaries.load(dictionary);
  await refuseForeignFolder(resolve(output));
  await writeFolderAtomic(resolve(output), async (temporary) => {
    await rm(temporary, { recursive: true });
    await cp(folder, temporary, { recursive: true });
    if (labels.size > 0) await writeLabels(join(temporary, LABELS_FILE), labels);
  });
  return { dictionary, format, output: resolve(output) };
}
