import { WorkError } from '../foundation/errors.ts';
import { another, gradientNodes, secondTail } from './gradient/divergence-gradient.ts';
import type { TensorFacts } from './gradient/gradient-writer.ts';
import { tailOf, type Tail } from './gradient/tail.ts';
import type { ModelConfig } from './model-config.ts';
import { node, value, type OnnxGraph, type SubgraphPlan } from './onnx-graph.ts';
import { DATA_TYPE, toNumber, type OnnxNode, type OnnxTensor, type OnnxValue } from './onnx-file.ts';
import type { ResidualStream } from './residual-stream.ts';

/** A part of the model that runs at once: from token ids or a replaced residual stream, to what is asked for. */
export type ModelPart =
  /** ids → stream: stops at the hook point. */
  | { readonly kind: 'head'; readonly hookPoint: string }
  /** (ids or stream) → logits. */
  | { readonly kind: 'logits'; readonly hookPoint: string | null }
  /** ids → loss of each next token and, where a hook point is given, the stream on the way. */
  | { readonly kind: 'losses'; readonly hookPoint: string | null }
  /** ids → log-probabilities of the unchanged model. */
  | { readonly kind: 'reference' }
  /** stream, reference → loss and divergence. */
  | { readonly kind: 'spliced'; readonly hookPoint: string }
  /** two streams → divergence of the second's predictions from the first's, and the gradient of its sum by the second. */
  | { readonly kind: 'divergence'; readonly hookPoint: string }
  /** directions of the stream → logits: the unembedding alone. */
  | { readonly kind: 'unembedding' };

/** Names of the tensors that parts take and give besides the model's own. */
export const TENSOR = {
  stream: 'ssae_stream',
  replacement: 'ssae_replacement',
  logits: 'ssae_logits',
  logProbabilities: 'ssae_log_probabilities',
  reference: 'ssae_reference',
  targets: 'ssae_targets',
  loss: 'ssae_loss',
  divergence: 'ssae_divergence',
  directions: 'ssae_directions',
  original: 'ssae_original',
  counted: 'ssae_counted',
  gradient: 'ssae_gradient',
} as const;

const cast = (from: string, to: string, type: number): OnnxNode =>
  node('Cast', [from], [to], [{ name: 'to', type: 2, i: type }]);

const lastAxis: OnnxNode['attribute'] = [{ name: 'axis', type: 2, i: -1 }];

const float = (name: string): OnnxValue => value(name, DATA_TYPE.float32);

/** Cuts a model's graph into parts, each a small ONNX model of its own. */
export class CutModel {
  readonly graph: OnnxGraph;
  readonly stream: ResidualStream;
  readonly config: ModelConfig;

  constructor(graph: OnnxGraph, stream: ResidualStream, config: ModelConfig) {
    this.graph = graph;
    this.stream = stream;
    this.config = config;
  }

  #tensor(hookPoint: string): string {
    const tensor = this.stream.hookPoints.get(hookPoint);
    if (tensor === undefined) throw new WorkError(`hook point ${hookPoint} is not in the graph`);
    return tensor;
  }

  /** Bytes of the part's ONNX model. */
  bytes(part: Exclude<ModelPart, { kind: 'divergence' }>): Uint8Array {
    return part.kind === 'unembedding' ? this.#unembedding() : this.graph.subgraph(this.#plan(part));
  }

  /** The model behind a hook point. @throws WorkError where no gradient can be taken through it */
  tail(hookPoint: string): Tail {
    return tailOf(this.graph, this.#tensor(hookPoint), this.stream.logits);
  }

  /** Bytes of a model that gives tensors of the tail, whatever their types. */
  tailTensors(hookPoint: string, tensors: readonly string[]): Uint8Array {
    const { given, nodes } = this.#replaced(hookPoint);
    return this.graph.subgraph({ given, nodes, outputs: tensors.map((name) => ({ name })) });
  }

  /**
   * Bytes of the part `divergence`: Σ over counted positions of KL, its gradient by the replaced stream, and the KL of each position.
   * @param facts of {@link tensorsOf} the tail
   */
  divergenceBytes(hookPoint: string, tail: Tail, facts: ReadonlyMap<string, TensorFacts>): Uint8Array {
    const stream = this.#tensor(hookPoint);
    const { logits } = this.stream;
    const { given, nodes } = this.#replaced(hookPoint);
    const back = gradientNodes(this.graph, tail, facts, {
      ...{ stream, logits, seed: 'ssae_seed', gradient: TENSOR.gradient },
    });
    return this.graph.subgraph({
      given: [...given, float(TENSOR.original), float(TENSOR.counted)],
      nodes: [
        ...nodes,
        cast(TENSOR.original, another(stream), this.graph.elementType(stream)),
        ...secondTail(tail, stream),
        cast(another(logits), 'ssae_original_logits', DATA_TYPE.float32),
        node('LogSoftmax', ['ssae_original_logits'], [TENSOR.reference], lastAxis),
        ...this.#logProbabilities(),
        ...this.#divergence(),
        // ∂KL/∂logits = q − p
        node('Exp', [TENSOR.logProbabilities], ['ssae_own_probabilities']),
        node('Sub', ['ssae_own_probabilities', 'ssae_probabilities'], ['ssae_surplus']),
        node('Mul', ['ssae_surplus', TENSOR.counted], ['ssae_counted_surplus']),
        cast('ssae_counted_surplus', 'ssae_seed', this.graph.elementType(logits)),
        ...back.nodes,
      ],
      outputs: [float(TENSOR.divergence), float(TENSOR.gradient)],
      initializers: [this.#ones(), ...back.initializers],
    });
  }

  #plan(part: Exclude<ModelPart, { kind: 'unembedding' | 'divergence' }>): SubgraphPlan {
    switch (part.kind) {
      case 'head':
        return { given: [], ...this.#streamOut(part.hookPoint) };
      case 'logits': {
        const { given, nodes } = this.#replaced(part.hookPoint);
        return { given, nodes: [...nodes, this.#logits()], outputs: [float(TENSOR.logits)] };
      }
      case 'losses': {
        const onTheWay = part.hookPoint === null ? { nodes: [], outputs: [] } : this.#streamOut(part.hookPoint);
        return {
          given: [value(TENSOR.targets, DATA_TYPE.int64)],
          nodes: [...onTheWay.nodes, ...this.#losses()],
          outputs: [...onTheWay.outputs, float(TENSOR.loss)],
        };
      }
      case 'reference':
        return { given: [], nodes: this.#logProbabilities(), outputs: [float(TENSOR.logProbabilities)] };
      case 'spliced':
        return this.#spliced(part.hookPoint);
    }
  }

  #streamOut(hookPoint: string): { nodes: OnnxNode[]; outputs: OnnxValue[] } {
    return {
      nodes: [cast(this.#tensor(hookPoint), TENSOR.stream, DATA_TYPE.float32)],
      outputs: [float(TENSOR.stream)],
    };
  }

  /** The stream replaced at a hook point: a float32 input, in the type that the model goes on with. */
  #replaced(hookPoint: string | null): { given: OnnxValue[]; nodes: OnnxNode[] } {
    if (hookPoint === null) return { given: [], nodes: [] };
    const tensor = this.#tensor(hookPoint);
    return {
      given: [float(TENSOR.replacement)],
      nodes: [cast(TENSOR.replacement, tensor, this.graph.elementType(tensor))],
    };
  }

  #logits(): OnnxNode {
    return cast(this.stream.logits, TENSOR.logits, DATA_TYPE.float32);
  }

  #logProbabilities(): OnnxNode[] {
    return [this.#logits(), node('LogSoftmax', [TENSOR.logits], [TENSOR.logProbabilities], lastAxis)];
  }

  #losses(): OnnxNode[] {
    return [
      ...this.#logProbabilities(),
      node('GatherElements', [TENSOR.logProbabilities, TENSOR.targets], ['ssae_gathered'], lastAxis),
      node('Neg', ['ssae_gathered'], [TENSOR.loss]),
    ];
  }

  #ones(): OnnxTensor {
    const width = this.logitsWidth;
    const rawData = new Uint8Array(new Float32Array(width).fill(1).buffer);
    return { name: 'ssae_ones', dims: [width, 1], dataType: DATA_TYPE.float32, rawData };
  }

  /** KL(reference ‖ patched) = Σ_v p_v (log p_v − log q_v), the sum as a product with ones, which no opset spells differently. */
  #divergence(): OnnxNode[] {
    return [
      node('Exp', [TENSOR.reference], ['ssae_probabilities']),
      node('Sub', [TENSOR.reference, TENSOR.logProbabilities], ['ssae_log_ratios']),
      node('Mul', ['ssae_probabilities', 'ssae_log_ratios'], ['ssae_terms']),
      node('MatMul', ['ssae_terms', 'ssae_ones'], [TENSOR.divergence]),
    ];
  }

  #spliced(hookPoint: string): SubgraphPlan {
    const { given, nodes } = this.#replaced(hookPoint);
    return {
      given: [...given, float(TENSOR.reference), value(TENSOR.targets, DATA_TYPE.int64)],
      nodes: [...nodes, ...this.#losses(), ...this.#divergence()],
      outputs: [float(TENSOR.loss), float(TENSOR.divergence)],
      initializers: [this.#ones()],
    };
  }

  /** Width of the logits, padding of the vocabulary included. */
  get logitsWidth(): number {
    const declared = this.graph.valueInfo(this.stream.logits)?.type?.tensorType?.shape?.dim.at(-1)?.dimValue;
    return declared === undefined ? this.config.vocabulary : toNumber(declared);
  }

  #unembedding(): Uint8Array {
    const { unembedding } = this.stream;
    if (unembedding === null)
      throw new WorkError(
        "the model's last linear map was not found, so features' effects on the logits are not known",
      );
    const { node: last, stream } = unembedding;
    const type = this.graph.elementType(stream);
    const product: OnnxNode = {
      ...last,
      input: ['ssae_typed', last.input[1]!],
      output: ['ssae_effects'],
    };
    return this.graph.subgraph({
      given: [float(TENSOR.directions)],
      nodes: [
        cast(TENSOR.directions, 'ssae_typed', type),
        product,
        cast('ssae_effects', TENSOR.logits, DATA_TYPE.float32),
      ],
      outputs: [float(TENSOR.logits)],
    });
  }
}
