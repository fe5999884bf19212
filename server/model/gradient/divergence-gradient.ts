/**
 * The gradient of KL(softmax(tail(x)) ‖ softmax(tail(x̂))) by x̂, as operators of the model's own graph: reverse-mode differentiation
 * (Griewank and Walther 2008, chapter 3) written out once, so that onnxruntime computes it where it computes the model.
 */
import { WorkError } from '../../foundation/errors.ts';
import { DATA_TYPE, type OnnxNode, type OnnxTensor } from '../onnx-file.ts';
import { node, type OnnxGraph } from '../onnx-graph.ts';
import { GradientWriter, type TensorFacts } from './gradient-writer.ts';
import { ruleOf, type Tail } from './tail.ts';

export interface GradientNodes {
  readonly nodes: OnnxNode[];
  readonly initializers: OnnxTensor[];
}

/** Tensors of the tail whose sizes and types its gradient depends on. */
export function tensorsOf({ nodes }: Tail, graph: OnnxGraph): string[] {
  const all = new Set(nodes.flatMap(({ input, output }) => [...input, ...output]));
  return [...all].filter((tensor) => tensor !== '' && graph.producer(tensor) !== undefined);
}

/** A tensor of the same tail with another stream. */
export const another = (tensor: string): string => `ssae_original/${tensor}`;

/** The tail once more, for another stream, which is to be given as {@link another} of the hook point's tensor. */
export function secondTail({ nodes }: Tail, stream: string): OnnxNode[] {
  const own = new Set([stream, ...nodes.flatMap(({ output }) => output)]);
  const renamed = (tensor: string): string => (own.has(tensor) && tensor !== '' ? another(tensor) : tensor);
  return nodes.map((one) => ({
    ...one,
    name: another(one.name ?? one.output[0]!),
    input: one.input.map(renamed),
    output: one.output.map(renamed),
  }));
}

/**
 * What takes a gradient of the logits back to the stream.
 * @param seed tensor with the gradient of the logits, in their type
 * @param gradient name of the tensor to make: float32, [batch, sequence, d_model]
 * @throws WorkError naming an operator that has no rule, or is used in a way that its rule does not cover
 */
export function gradientNodes(
  graph: OnnxGraph,
  tail: Tail,
  facts: ReadonlyMap<string, TensorFacts>,
  { stream, logits, seed, gradient }: { stream: string; logits: string; seed: string; gradient: string },
): GradientNodes {
  const writer = new GradientWriter(graph, facts);
  const found = new Map<string, string[]>([[logits, [seed]]]);
  const totalOf = (tensor: string): string | undefined =>
    found.get(tensor)?.reduce((sum, part) => writer.op('Add', [sum, part]));
  for (const one of tail.nodes.toReversed()) {
    const by = one.output.map(totalOf);
    if (by.every((slope) => slope === undefined)) continue;
    const slopes = ruleOf(one)(writer, one, by);
    for (const [place, input] of one.input.entries()) {
      if (!tail.sloped.has(input)) continue;
      const write = slopes[place];
      if (write == null)
        throw new WorkError(
          `input ${place} of ${one.opType} (node "${one.name ?? ''}") comes from the stream, and no slope of it is known`,
        );
      found.set(input, [...(found.get(input) ?? []), write()]);
    }
  }
  const total = totalOf(stream);
  if (total === undefined) throw new WorkError('no slope leads from the logits back to the residual stream');
  writer.nodes.push(node('Cast', [total], [gradient], [{ name: 'to', type: 2, i: DATA_TYPE.float32 }]));
  return { nodes: writer.nodes, initializers: writer.initializers };
}
