import { WorkError } from '../foundation/errors.ts';
import { readTensors, type OnnxGraph } from './onnx-graph.ts';
import { toNumber, type OnnxNode } from './onnx-file.ts';

/** The residual stream of a causal language model: where it is in the graph, in the order of computation. */
export interface ResidualStream {
  /** Hook point, by TransformerLens's name, to the graph's tensor. */
  readonly hookPoints: ReadonlyMap<string, string>;
  readonly logits: string;
  readonly unembedding: Unembedding | null;
}

/** The last linear map of the model: logits = stream · weight. */
export interface Unembedding {
  readonly node: OnnxNode;
  /** Tensor of the normed stream that it reads. */
  readonly stream: string;
}

/** Outputs of these say how large a tensor is, not what is in it. */
const SIZES = new Set(['Shape', 'Size']);

/** Operators between the unembedding and the logits: copies, a bias, a soft cap. */
const AFTER_UNEMBEDDING = new Set(['Cast', 'Identity', 'Reshape', 'Add', 'Mul', 'Div', 'Tanh']);

function findLogits(graph: OnnxGraph): string {
  const logits = graph.outputs.find(({ name }) => name === 'logits') ?? graph.outputs[0];
  if (logits === undefined) throw new WorkError('the graph has no output');
  return logits.name;
}

/** The looked-up rows of the token embedding: a Gather of a table of weights by the token ids. */
function findTokenEmbedding(graph: OnnxGraph): string {
  for (const { opType, input, output } of graph.nodes)
    if (
      opType === 'Gather' &&
      graph.origin(input[1]!) === 'input_ids' &&
      graph.initializers.get(graph.origin(input[0]!))?.dims.length === 2
    )
      return output[0]!;
  throw new WorkError(
    'the token embedding was not found: no Gather of a weight table by input_ids. Quantised embeddings and models that are not causal language models cannot be cut.',
  );
}

/**
 * Dominators of a tensor: what every path from `entry` to it passes, in order. One pass suffices, as the graph has no circle: a
 * tensor's immediate dominator is the nearest common dominator of what it is computed from (Cooper, Harvey, Kennedy 2001).
 */
function dominators(graph: OnnxGraph, entry: string, exit: string): { chain: string[]; reached: ReadonlySet<string> } {
  const immediate = new Map<string, string>([[entry, entry]]);
  const depth = new Map<string, number>([[entry, 0]]);
  const common = (a: string, b: string): string => {
    while (a !== b)
      if (depth.get(a)! >= depth.get(b)!) a = immediate.get(a)!;
      else b = immediate.get(b)!;
    return a;
  };
  for (const one of graph.needed([exit], new Set([entry]))) {
    if (SIZES.has(one.opType)) continue;
    const from = readTensors(one).filter((input) => depth.has(input));
    if (from.length === 0) continue;
    const dominator = from.reduce(common);
    for (const output of one.output) {
      immediate.set(output, dominator);
      depth.set(output, depth.get(dominator)! + 1);
    }
  }
  if (!depth.has(exit)) throw new WorkError(`no path leads from the token embedding to "${exit}"`);
  const chain = [exit];
  while (chain[0] !== entry) chain.unshift(immediate.get(chain[0]!)!);
  return { chain, reached: new Set(depth.keys()) };
}

interface ResidualAdd {
  /** The stream before the addition. */
  readonly before: string;
  readonly output: string;
}

/** Additions in the chain of an earlier part of the chain and of something computed from the stream: the residual connections. */
function residualAdds(graph: OnnxGraph, chain: readonly string[], reached: ReadonlySet<string>): ResidualAdd[] {
  const seen = new Set<string>();
  const adds: ResidualAdd[] = [];
  for (const tensor of chain) {
    const producer = graph.producer(tensor);
    if (producer?.opType === 'Add' && producer.input.every((input) => reached.has(input))) {
      const before = producer.input.find((input) => seen.has(input));
      if (before !== undefined) adds.push({ before, output: tensor });
    }
    seen.add(tensor);
  }
  return adds;
}

/** How many axes the tensors of the chain have: looked-up rows are [batch, sequence, d_model]; only reshapes and Gemm change that. */
function ranksOf(graph: OnnxGraph, chain: readonly string[]): Map<string, number> {
  const ranks = new Map([[chain[0]!, 3]]);
  for (const [i, tensor] of chain.entries()) {
    if (i === 0) continue;
    const { opType, input } = graph.producer(tensor)!;
    const kept = ranks.get(input.find((name) => ranks.has(name)) ?? chain[i - 1]!)!;
    ranks.set(tensor, opType === 'Reshape' ? lengthOfShape(graph, input[1]!, ranks) : opType === 'Gemm' ? 2 : kept);
  }
  return ranks;
}

/** How many numbers a vector holds that is a shape. */
function lengthOfShape(graph: OnnxGraph, shape: string, ranks: ReadonlyMap<string, number>): number {
  const constant = graph.initializers.get(shape);
  if (constant !== undefined) return toNumber(constant.dims[0] ?? 1);
  const producer = graph.producer(shape);
  if (producer?.opType === 'Concat')
    return producer.input.reduce((sum, part) => sum + lengthOfShape(graph, part, ranks), 0);
  if (producer?.opType === 'Shape') return ranks.get(producer.input[0]!) ?? 3;
  return producer?.opType === 'Cast' || producer?.opType === 'Identity'
    ? lengthOfShape(graph, producer.input[0]!, ranks)
    : 1;
}

/** Some exporters add in [batch · sequence, d_model] and reshape the sum: the hook point is the tensor of three axes. */
function inStreamShape(
  graph: OnnxGraph,
  chain: readonly string[],
  ranks: ReadonlyMap<string, number>,
  tensor: string,
): string {
  if (ranks.get(tensor) === 3) return tensor;
  const next = chain[chain.indexOf(tensor) + 1];
  const producer = next === undefined ? undefined : graph.producer(next);
  return producer?.opType === 'Reshape' && producer.input[0] === tensor ? next! : tensor;
}

function nameHookPoints(adds: readonly string[], first: string, layers: number): Map<string, string> {
  const hookPoints = new Map([['blocks.0.hook_resid_pre', first]]);
  const places = adds.length === 2 * layers ? ['mid', 'post'] : ['post'];
  if (adds.length !== layers * places.length)
    throw new WorkError(
      `the residual stream was not found: config.json says ${layers} layers, so there should be ${layers} or ${2 * layers} residual additions, but ${adds.length} lie on every path from the token embedding to the logits. ` +
        'Fused skip-norm operators (SkipLayerNormalization, SkipSimplifiedLayerNormalization) hide the stream; export the model without fusion.',
    );
  for (const [i, tensor] of adds.entries())
    hookPoints.set(`blocks.${Math.floor(i / places.length)}.hook_resid_${places[i % places.length]!}`, tensor);
  return hookPoints;
}

function findUnembedding(graph: OnnxGraph, chain: readonly string[], lastAdd: string): Unembedding | null {
  for (const tensor of chain.slice(chain.indexOf(lastAdd) + 1).reverse()) {
    const producer = graph.producer(tensor)!;
    if (producer.opType === 'MatMul' || producer.opType === 'Gemm')
      return { node: producer, stream: producer.input[0]! };
    if (!AFTER_UNEMBEDDING.has(producer.opType)) return null;
  }
  return null;
}

/**
 * Finds the residual stream by structure alone: names lie (docs/architecture.md).
 * @param layers from config.json
 * @throws WorkError that says what was looked for and not found
 */
export function findResidualStream(graph: OnnxGraph, layers: number): ResidualStream {
  const logits = findLogits(graph);
  const { chain, reached } = dominators(graph, findTokenEmbedding(graph), logits);
  const adds = residualAdds(graph, chain, reached);
  const ranks = ranksOf(graph, chain);
  const hookPoints = nameHookPoints(
    adds.map(({ output }) => inStreamShape(graph, chain, ranks, output)),
    adds[0]?.before ?? logits,
    layers,
  );
  return { hookPoints, logits, unembedding: findUnembedding(graph, chain, adds.at(-1)!.output) };
}
