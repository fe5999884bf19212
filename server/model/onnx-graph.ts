import { WorkError } from '../foundation/errors.ts';
import {
  DATA_TYPE,
  onnxBytes,
  toNumber,
  type OnnxGraphProto,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from './onnx-file.ts';

/** Operators that give the same values under another name, type or shape. */
const COPIES = new Set(['Cast', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Transpose', 'Dropout']);

/** What a part of a graph is to be: from which tensors to which, with nodes added at its ends. */
export interface SubgraphPlan {
  /** Tensors that become inputs instead of being computed. */
  readonly given: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly nodes?: readonly OnnxNode[];
  readonly initializers?: readonly OnnxTensor[];
}

export function value(name: string, elemType: number): OnnxValue {
  return { name, type: { tensorType: { elemType } } };
}

export function node(
  opType: string,
  input: string[],
  output: string[],
  attributes: OnnxNode['attribute'] = [],
): OnnxNode {
  return { opType, input, output, name: `ssae/${output[0]!}`, attribute: attributes };
}

/**
 * Exporters that serve generation with and without a cache put the model twice into an If. Without a cache the condition is
 * false, so its else branch takes the node's place.
 */
function inlineBranches(graph: OnnxGraphProto): OnnxGraphProto {
  const inputs = new Set(graph.input.map(({ name }) => name));
  const branchOf = (candidate: OnnxNode): OnnxGraphProto | undefined =>
    candidate.opType === 'If' && inputs.has(candidate.input[0]!)
      ? candidate.attribute.find(({ name }) => name === 'else_branch')?.g
      : undefined;
  if (!graph.node.some((candidate) => branchOf(candidate) !== undefined)) return graph;
  const initializer = [...graph.initializer];
  const valueInfo = [...graph.valueInfo];
  const nodes = graph.node.flatMap((candidate) => {
    const branch = branchOf(candidate);
    if (branch === undefined) return [candidate];
    initializer.push(...branch.initializer);
    valueInfo.push(...branch.valueInfo);
    const renamed = candidate.output
      .map((output, i) => [branch.output[i]!.name, output] as const)
      .filter(([inner, output]) => inner !== output)
      .map(([inner, output]) => node('Identity', [inner], [output]));
    return [...branch.node, ...renamed];
  });
  return { ...graph, node: nodes, initializer, valueInfo };
}

/** A model's graph with its wiring. */
export class OnnxGraph {
  readonly inputs: readonly OnnxValue[];
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
  readonly #model: OnnxModel;
  readonly #producers = new Map<string, OnnxNode>();
  readonly #values = new Map<string, OnnxValue>();

  constructor(model: OnnxModel) {
    const graph = inlineBranches(model.graph);
    this.#model = { ...model, graph };
    this.initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
    this.inputs = graph.input.filter(({ name }) => !this.initializers.has(name));
    for (const one of graph.node) for (const output of one.output) if (output !== '') this.#producers.set(output, one);
    for (const one of [...graph.valueInfo, ...graph.output, ...graph.input]) this.#values.set(one.name, one);
  }

  /** Version of ONNX's own operators. */
  get opset(): number {
    const own = this.#model.opsetImport.find(
      ({ domain }) => domain === undefined || domain === '' || domain === 'ai.onnx',
    );
    return own === undefined ? 1 : toNumber(own.version);
  }

  get outputs(): readonly OnnxValue[] {
    return this.#model.graph.output;
  }

  get nodes(): readonly OnnxNode[] {
    return this.#model.graph.node;
  }

  /** The node whose output a tensor is; undefined for inputs and initializers. */
  producer(tensor: string): OnnxNode | undefined {
    return this.#producers.get(tensor);
  }

  /** Files that hold weights, relative to the graph's folder, its own among them. */
  weightFiles(): string[] {
    const references = [...this.initializers.values()].flatMap(({ externalData }) => externalData ?? []);
    return [
      ...new Set(references.filter(({ key }) => key === 'location').map(({ value: location }) => location)),
    ].sort();
  }

  valueInfo(tensor: string): OnnxValue | undefined {
    return this.#values.get(tensor);
  }

  /** Where a tensor's values come from, behind copies of every kind. */
  origin(tensor: string): string {
    let current = tensor;
    for (;;) {
      const producer = this.#producers.get(current);
      if (producer === undefined || !COPIES.has(producer.opType)) return current;
      current = producer.input[0]!;
    }
  }

  /** Nodes that `outputs` need when `given` tensors are there, in an order that can be run. Iterative: graphs are deep. */
  needed(outputs: readonly string[], given: ReadonlySet<string>): OnnxNode[] {
    const order: OnnxNode[] = [];
    const state = new Map<OnnxNode, 'open' | 'done'>();
    const stack = outputs.map((tensor) => ({ tensor, leave: false }));
    while (stack.length > 0) {
      const { tensor, leave } = stack.pop()!;
      const producer = given.has(tensor) ? undefined : this.#producers.get(tensor);
      if (producer === undefined) continue;
      if (leave) {
        order.push(producer);
        state.set(producer, 'done');
        continue;
      }
      if (state.get(producer) === 'done') continue;
      if (state.get(producer) === 'open') throw new WorkError(`the graph runs in a circle at tensor "${tensor}"`);
      state.set(producer, 'open');
      stack.push({ tensor, leave: true });
      for (const input of readTensors(producer)) stack.push({ tensor: input, leave: false });
    }
    return order;
  }

  /** The part of the graph between given tensors and outputs as a model of its own, with only the weights that it reads. */
  subgraph({ given, outputs, nodes = [], initializers = [] }: SubgraphPlan): Uint8Array {
    const added = new Set(nodes.flatMap(({ output }) => output));
    const wanted = [...outputs.map(({ name }) => name), ...nodes.flatMap(({ input }) => input)];
    const taken = new Set([...given.map(({ name }) => name), ...added]);
    const body = this.needed(
      wanted.filter((name) => !added.has(name)),
      taken,
    );
    const all = [...body, ...nodes];
    const read = new Set([...all.flatMap(readTensors), ...wanted]);
    const graph: OnnxGraphProto = {
      name: 'ssae',
      node: sortNodes(all),
      initializer: [...[...this.initializers.values()].filter(({ name }) => read.has(name)), ...initializers],
      input: [...this.inputs.filter(({ name }) => read.has(name) && !taken.has(name)), ...given],
      output: [...outputs],
      valueInfo: [],
    };
    return onnxBytes({ ...this.#model, graph });
  }

  /** The element type of a tensor, as far as the file or the copies before it tell; float32 otherwise. */
  elementType(tensor: string): number {
    for (let current: string | undefined = tensor; current !== undefined;) {
      const declared =
        this.#values.get(current)?.type?.tensorType?.elemType ?? this.initializers.get(current)?.dataType;
      if (declared !== undefined && declared !== 0) return declared;
      const producer: OnnxNode | undefined = this.#producers.get(current);
      const target = producer?.opType === 'Cast' ? producer.attribute.find(({ name }) => name === 'to')?.i : undefined;
      if (target !== undefined) return Number(target);
      // Dequantised numbers have the type of their scale.
      current = producer?.input[producer.opType === 'DequantizeLinear' ? 1 : 0];
    }
    return DATA_TYPE.float32;
  }
}

/** Every tensor a node reads, those of its subgraphs included. */
export function readTensors({ input, attribute }: OnnxNode): string[] {
  const inner = attribute.flatMap(({ g }) => g?.node.flatMap(readTensors) ?? []);
  return [...input, ...inner].filter((name) => name !== '');
}

/** Orders nodes that were put together from two lists, each ordered in itself. */
function sortNodes(nodes: readonly OnnxNode[]): OnnxNode[] {
  const waiting = new Set(nodes);
  const pending = new Set(nodes.flatMap(({ output }) => output));
  const sorted: OnnxNode[] = [];
  while (waiting.size > 0) {
    const before = sorted.length;
    for (const one of waiting) {
      if (readTensors(one).some((input) => pending.has(input))) continue;
      sorted.push(one);
      waiting.delete(one);
      for (const output of one.output) pending.delete(output);
    }
    if (sorted.length === before) throw new WorkError('the graph runs in a circle');
  }
  return sorted;
}
