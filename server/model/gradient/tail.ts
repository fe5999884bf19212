import { WorkError } from '../../foundation/errors.ts';
import type { OnnxNode } from '../onnx-file.ts';
import { readTensors, type OnnxGraph } from '../onnx-graph.ts';
import { refuse } from './gradient-writer.ts';
import { ELEMENTWISE_RULES } from './elementwise-rules.ts';
import { MATRIX_RULES } from './matrix-rules.ts';
import type { Rule } from './rule.ts';
import { SHAPE_RULES } from './shape-rules.ts';

const RULES: ReadonlyMap<string, Rule> = new Map(
  Object.entries({ ...ELEMENTWISE_RULES, ...MATRIX_RULES, ...SHAPE_RULES }),
);

/** Outputs of these say how large a tensor is, not what is in it. */
const SIZES = new Set(['Shape', 'Size']);
/** Outputs of these are steps: their slope is 0 wherever there is one. */
const STEPS = new Set([
  'IsNaN',
  'IsInf',
  'Equal',
  'Greater',
  'GreaterOrEqual',
  'Less',
  'LessOrEqual',
  'And',
  'Or',
  'Not',
]);

/** The model behind a hook point. */
export interface Tail {
  /** Nodes whose values follow from the stream's, in an order that can be run. */
  readonly nodes: readonly OnnxNode[];
  /** Tensors that a slope can reach. */
  readonly sloped: ReadonlySet<string>;
}

/** A rule for each operator that ONNX itself defines. @throws WorkError that names the operator and node */
export function ruleOf(one: OnnxNode): Rule {
  const rule =
    one.domain === undefined || one.domain === '' || one.domain === 'ai.onnx' ? RULES.get(one.opType) : undefined;
  return rule ?? refuse(one, `no rule for it is built in; built in are ${[...RULES.keys()].sort().join(', ')}`);
}

function follows(nodes: readonly OnnxNode[], from: string, stops: ReadonlySet<string>): Set<string> {
  const reached = new Set([from]);
  for (const one of nodes)
    if (!stops.has(one.opType) && readTensors(one).some((input) => reached.has(input)))
      for (const output of one.output) if (output !== '') reached.add(output);
  return reached;
}

/**
 * @param stream tensor of the hook point
 * @throws WorkError where the tail reads the tokens beside the stream, or has an operator without a rule
 */
export function tailOf(graph: OnnxGraph, stream: string, logits: string): Tail {
  const needed = graph.needed([logits], new Set([stream]));
  const values = follows(needed, stream, SIZES);
  const tokens = follows(needed, 'input_ids', SIZES);
  const nodes = needed.filter((one) => !SIZES.has(one.opType) && readTensors(one).some((input) => values.has(input)));
  const sloped = follows(nodes, stream, STEPS);
  for (const one of nodes) {
    if (readTensors(one).some((input) => tokens.has(input)))
      throw new WorkError(
        `node "${one.name ?? one.output[0]!}" (${one.opType}) reads the tokens beside the residual stream, so what follows from the stream alone is not all of the model's tail`,
      );
    if (one.output.some((output) => sloped.has(output))) ruleOf(one);
  }
  return { nodes, sloped };
}
