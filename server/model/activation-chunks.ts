import { Interrupted } from '../foundation/errors.ts';
import { throwIfStopped, type JobControl } from '../foundation/progress.ts';
import type { HarvestSequence } from './activation-cache.ts';
import type { LanguageModel } from './language-model.ts';

/** Activations of one call to the model; the next call's are made meanwhile. */
const CHUNK_BYTES = 16 * 2 ** 20;

/** Some sequences with what the model gives for each, special tokens left out: [rows of the sequence, d_model]. */
export interface ActivationChunk {
  readonly sequences: readonly HarvestSequence[];
  readonly activations: readonly Float32Array[];
}

/** Rows that a sequence gives. */
export function rowsOf({ ids, prefix }: HarvestSequence): number {
  return ids.length - prefix;
}

/** Cuts sequences where their activations reach `bytes`; one that is longer stands alone. */
function* chunksOf(
  sequences: readonly HarvestSequence[],
  rowBytes: number,
  bytes: number,
): Generator<HarvestSequence[]> {
  let chunk: HarvestSequence[] = [];
  let held = 0;
  for (const sequence of sequences) {
    const more = rowsOf(sequence) * rowBytes;
    if (chunk.length > 0 && held + more > bytes) {
      yield chunk;
      [chunk, held] = [[], 0];
    }
    chunk.push(sequence);
    held += more;
  }
  if (chunk.length > 0) yield chunk;
}

/** The residual stream at a hook point for each sequence, in order, a bounded number at a time; the model reads one chunk ahead. @throws Interrupted with the hint */
export async function* activationChunks(
  model: LanguageModel,
  hookPoint: string,
  sequences: readonly HarvestSequence[],
  control: JobControl,
  resumeHint: string,
  chunkBytes = CHUNK_BYTES,
): AsyncGenerator<ActivationChunk, void, undefined> {
  const { dModel } = model.description;
  const read = async (chunk: readonly HarvestSequence[]): Promise<ActivationChunk> => {
    throwIfStopped(control, resumeHint);
    const ids = chunk.map((sequence) => sequence.ids);
    const activations = await model.activations(hookPoint, ids, control.signal).catch((error: unknown) => {
      throw error instanceof Interrupted ? new Interrupted(resumeHint) : error;
    });
    const own = activations.map((rows, i) => rows.subarray(chunk[i]!.prefix * dModel));
    return { sequences: chunk, activations: own };
  };
  let ahead: Promise<ActivationChunk> | null = null;
  for (const chunk of chunksOf(sequences, 4 * dModel, chunkBytes)) {
    const next = read(chunk);
    next.catch(() => undefined); // Whoever takes it sees the error.
    if (ahead !== null) yield await ahead;
    ahead = next;
  }
  if (ahead !== null) yield await ahead;
}
