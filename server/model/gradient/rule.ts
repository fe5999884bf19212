import type { OnnxNode } from '../onnx-file.ts';
import type { GradientWriter } from './gradient-writer.ts';

/**
 * The gradient of an operator: for each of its inputs what writes that input's, called only where the input comes from the stream; null
 * where a slope cannot reach it.
 * @param by gradients of the node's outputs, undefined where nothing flows back
 */
export type Rule = (
  writer: GradientWriter,
  node: OnnxNode,
  by: readonly (string | undefined)[],
) => readonly ((() => string) | null)[];
