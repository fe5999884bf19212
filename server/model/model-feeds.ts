import * as ort from 'onnxruntime-node';
import { WorkError } from '../foundation/errors.ts';
import type { TokenSequence } from './language-model.ts';
import type { ModelConfig } from './model-config.ts';
import { DATA_TYPE, toNumber, type OnnxValue } from './onnx-file.ts';

export type Feeds = Record<string, ort.Tensor>;

/** A batch of sequences as rows of one length, padded on the right. */
export class PaddedBatch {
  readonly sequences: readonly TokenSequence[];
  readonly longest: number;

  constructor(sequences: readonly TokenSequence[], longest: number) {
    this.sequences = sequences;
    this.longest = longest;
  }

  get size(): number {
    return this.sequences.length;
  }

  /** [size, longest] from a function of the sequence and the position; pads get `pad`. */
  integers(shape: readonly number[], at: (ids: TokenSequence, position: number) => number, pad: number): ort.Tensor {
    const data = new BigInt64Array(this.size * this.longest).fill(BigInt(pad));
    for (const [row, ids] of this.sequences.entries())
      for (let i = 0; i < ids.length; i++) data[row * this.longest + i] = BigInt(at(ids, i));
    return new ort.Tensor('int64', data, shape);
  }

  get ids(): ort.Tensor {
    return this.integers([this.size, this.longest], (ids, i) => ids[i]!, 0);
  }

  /** What each position predicts: the next token; the last position and pads predict nothing, and token 0 stands there. */
  get targets(): ort.Tensor {
    return this.integers([this.size, this.longest, 1], (ids, i) => ids[i + 1] ?? 0, 0);
  }

  /** [size, longest, 1] 1 where a sequence is, 0 at pads. */
  get counted(): ort.Tensor {
    return this.floats(
      this.sequences.map(({ length }) => new Float32Array(length).fill(1)),
      1,
    );
  }

  /** [size, longest, width] with zeros at pads. */
  floats(rows: readonly Float32Array[], width: number): ort.Tensor {
    const data = new Float32Array(this.size * this.longest * width);
    for (const [row, values] of rows.entries()) data.set(values, row * this.longest * width);
    return new ort.Tensor('float32', data, [this.size, this.longest, width]);
  }

  /** Rows of a [size, longest, width] tensor without the padding, `drop` positions left out at each end. */
  rows(tensor: ort.Tensor, drop = 0): Float32Array[] {
    const width = tensor.dims.slice(2).reduce((product, size) => product * size, 1);
    const data = tensor.data as Float32Array;
    return this.sequences.map(({ length }, row) => {
      const first = row * this.longest * width;
      return data.slice(first, first + Math.max(0, length - drop) * width);
    });
  }
}

/** An empty cache of keys or values: [batch, heads, 0, width]. Sizes the file leaves open come from config.json. */
function emptyCache({ type }: OnnxValue, batch: number, config: ModelConfig): ort.Tensor {
  const declared = type?.tensorType?.shape?.dim ?? [];
  const sizeOf = (axis: number, open: number): number => {
    const size = declared[axis]?.dimValue;
    return size === undefined || toNumber(size) === 0 ? open : toNumber(size);
  };
  const shape = [batch, sizeOf(1, config.keyValueHeads), 0, sizeOf(3, config.headWidth)];
  return type?.tensorType?.elemType === DATA_TYPE.float16
    ? new ort.Tensor('float16', new Uint16Array(0), shape)
    : new ort.Tensor('float32', new Float32Array(0), shape);
}

/** Values of the inputs that a causal language model has besides the stream. @throws WorkError for one that is not known */
export function modelFeeds(
  names: readonly string[],
  inputs: readonly OnnxValue[],
  batch: PaddedBatch,
  config: ModelConfig,
): Feeds {
  const shape = [batch.size, batch.longest];
  const feeds: Feeds = {};
  for (const name of names) {
    if (name === 'input_ids') feeds[name] = batch.ids;
    else if (name === 'attention_mask') feeds[name] = batch.integers(shape, () => 1, 0);
    else if (name === 'position_ids') feeds[name] = batch.integers(shape, (_, i) => i, 1);
    else if (name.startsWith('past_key_values.'))
      feeds[name] = emptyCache(inputs.find((input) => input.name === name) ?? { name }, batch.size, config);
    else if (name === 'use_cache_branch') feeds[name] = new ort.Tensor('bool', [false], [1]);
    else if (!name.startsWith('ssae_'))
      throw new WorkError(`the model asks for an input "${name}", which no causal language model we know has`);
  }
  return feeds;
}
