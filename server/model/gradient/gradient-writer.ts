import { WorkError } from '../../foundation/errors.ts';
import { DATA_TYPE, toNumber, type OnnxAttribute, type OnnxNode, type OnnxTensor } from '../onnx-file.ts';
import { node, type OnnxGraph } from '../onnx-graph.ts';

/** What a run of the graph tells of a tensor; which of its axes are 1 does not change with batch and length. */
export interface TensorFacts {
  readonly dims: readonly number[];
  /** TensorProto.DataType */
  readonly type: number;
}

/** Below these versions operators take other inputs than are written here. */
const OLDEST_OPSET = 11;
const AXES_AS_INPUT_OPSET = 13;
export const TO_THE_END = 2 ** 31 - 1;

/** Writes the operators that a gradient is computed with. */
export class GradientWriter {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  readonly opset: number;
  readonly #graph: OnnxGraph;
  readonly #facts: ReadonlyMap<string, TensorFacts>;
  #made = 0;

  /** @throws WorkError for an operator set from before 2019 */
  constructor(graph: OnnxGraph, facts: ReadonlyMap<string, TensorFacts>) {
    this.#graph = graph;
    this.#facts = facts;
    this.opset = graph.opset;
    if (this.opset < OLDEST_OPSET)
      throw new WorkError(
        `the graph is of operator set ${this.opset}, and gradients need ${OLDEST_OPSET} or later; export it again`,
      );
  }

  #name(): string {
    return `ssae_gradient_${this.#made++}`;
  }

  /** @returns the tensor that the operator gives */
  op(opType: string, input: readonly string[], attribute: OnnxAttribute[] = []): string {
    const output = this.#name();
    this.nodes.push(node(opType, [...input], [output], attribute));
    return output;
  }

  /** @throws WorkError for a tensor of which no run told anything */
  facts(tensor: string): TensorFacts {
    const initializer = this.#graph.initializers.get(tensor);
    if (initializer !== undefined) return { dims: initializer.dims.map(toNumber), type: initializer.dataType };
    const facts = this.#facts.get(tensor);
    if (facts === undefined) throw new WorkError(`nothing is known of tensor "${tensor}"`);
    return facts;
  }

  rank(tensor: string): number {
    return this.facts(tensor).dims.length;
  }

  #initializer(dims: number[], dataType: number, data: Float32Array | BigInt64Array): string {
    const name = this.#name();
    this.initializers.push({ name, dims, dataType, rawData: new Uint8Array(data.buffer) });
    return name;
  }

  /** A number in the type of another tensor. */
  scalar(value: number, like: string): string {
    return this.cast(this.#initializer([], DATA_TYPE.float32, Float32Array.of(value)), this.facts(like).type);
  }

  /** [values] int64 */
  integers(...values: number[]): string {
    return this.#initializer([values.length], DATA_TYPE.int64, BigInt64Array.from(values.map(BigInt)));
  }

  /** The values of a constant of int64; null where the tensor is computed, or is something else. */
  integersOf(tensor: string): readonly number[] | null {
    const constant = this.#graph.initializers.get(tensor);
    const raw = constant?.rawData;
    if (constant?.dataType !== DATA_TYPE.int64 || raw === undefined) return null;
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    return Array.from({ length: raw.byteLength / 8 }, (_, i) => Number(view.getBigInt64(8 * i, true)));
  }

  cast(tensor: string, type: number): string {
    return this.op('Cast', [tensor], [{ name: 'to', type: 2, i: type }]);
  }

  reshapeLike(tensor: string, like: string): string {
    return this.op('Reshape', [tensor, this.op('Shape', [like])]);
  }

  zerosLike(tensor: string, type: string = tensor): string {
    return this.op('Expand', [this.scalar(0, type), this.op('Shape', [tensor])]);
  }

  /** Keeps the axes that it sums over as 1. */
  sum(tensor: string, axes: readonly number[]): string {
    if (this.opset >= AXES_AS_INPUT_OPSET)
      return this.op('ReduceSum', [tensor, this.integers(...axes)], [integer('keepdims', 1)]);
    return this.op('ReduceSum', [tensor], [{ name: 'axes', type: 7, ints: [...axes] }, integer('keepdims', 1)]);
  }

  slice(tensor: string, start: string, end: string, axis: number): string {
    return this.op('Slice', [tensor, start, end, this.integers(axis)]);
  }

  /**
   * The gradient of an operand from that of what it was broadcast to: summed over the axes that it was repeated along.
   * @param dims of the gradient
   */
  unbroadcast(gradient: string, operand: string, dims: readonly number[]): string {
    const own = this.facts(operand).dims;
    const added = dims.length - own.length;
    const axes = dims.flatMap((size, axis) => (axis < added || (own[axis - added] === 1 && size !== 1) ? [axis] : []));
    return axes.length === 0 ? gradient : this.reshapeLike(this.sum(gradient, axes), operand);
  }
}

export const integer = (name: string, i: number): OnnxAttribute => ({ name, type: 2, i });
export const float = (name: string, f: number): OnnxAttribute => ({ name, type: 1, f });

/** A whole-number attribute. */
export function integerOf({ attribute }: OnnxNode, name: string, otherwise: number): number {
  const value = attribute.find((one) => one.name === name)?.i;
  return value === undefined ? otherwise : toNumber(value);
}

export function floatOf({ attribute }: OnnxNode, name: string, otherwise: number): number {
  return attribute.find((one) => one.name === name)?.f ?? otherwise;
}

/** @throws WorkError that names operator and node */
export function refuse(one: OnnxNode, why: string): never {
  throw new WorkError(
    `the gradient of operator ${one.domain ? `${one.domain}.` : ''}${one.opType} (node "${one.name ?? one.output[0]!}") is not known: ${why}`,
  );
}
