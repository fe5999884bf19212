import type { Memory } from './memory.ts';

/** Feature activations of a batch on the GPU, compressed by rows: an entry is a (token, feature). */
export interface Rows {
  /** [tokens + 1] */
  readonly starts: GPUBuffer;
  /** [room] */
  readonly features: GPUBuffer;
  /** [room] what the selection saw */
  readonly values: GPUBuffer;
}

export function rowsIn(memory: Memory, name: string, tokens: number, room: number): Rows {
  return {
    starts: memory.room(`${name}: row starts`, tokens + 1),
    features: memory.room(`${name}: features`, room),
    values: memory.room(`${name}: values`, room),
  };
}

/** Neighbouring features that one dispatch treats. */
export interface FeatureRange {
  readonly first: number;
  readonly end: number;
}

/** Entries by feature, tokens ascending. */
export interface Lists {
  /** [d_sae + 1] */
  readonly featureStarts: GPUBuffer;
  /** [room] of (entry, token) */
  readonly byFeature: GPUBuffer;
}
