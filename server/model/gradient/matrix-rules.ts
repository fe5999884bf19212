/** Products, and operators that look along the last axis. */
import type { OnnxNode } from '../onnx-file.ts';
import { float, floatOf, integer, integerOf, refuse, type GradientWriter } from './gradient-writer.ts';
import type { Rule } from './rule.ts';

/** The last two axes exchanged. */
function transposed(w: GradientWriter, tensor: string): string {
  const rank = w.rank(tensor);
  const perm = Array.from({ length: rank }, (_, axis) => axis);
  return w.op('Transpose', [tensor], [{ name: 'perm', type: 7, ints: [...perm.slice(0, -2), rank - 1, rank - 2] }]);
}

const matMul: Rule = (w, one, [by]) => {
  const [a, b] = one.input as [string, string];
  const [of, against] = [w.facts(a).dims, w.facts(b).dims];
  if (of.length < 2 || against.length < 2) refuse(one, 'an operand is a vector');
  const batch = w.facts(one.output[0]!).dims.slice(0, -2);
  return [
    () => w.unbroadcast(w.op('MatMul', [by!, transposed(w, b)]), a, [...batch, ...of.slice(-2)]),
    () => w.unbroadcast(w.op('MatMul', [transposed(w, a), by!]), b, [...batch, ...against.slice(-2)]),
  ];
};

/** Y = α A' B' + β C, where ' may transpose. */
const gemm: Rule = (w, one, [by]) => {
  const [a, b, c] = one.input;
  const [transA, transB] = [integerOf(one, 'transA', 0), integerOf(one, 'transB', 0)];
  const product = (left: string, right: string, turnsLeft: number, turnsRight: number): string =>
    w.op(
      'Gemm',
      [left, right],
      [float('alpha', floatOf(one, 'alpha', 1)), integer('transA', turnsLeft), integer('transB', turnsRight)],
    );
  return [
    () => (transA === 0 ? product(by!, b!, 0, 1 - transB) : product(b!, by!, transB, 1)),
    () => (transB === 0 ? product(a!, by!, 1 - transA, 0) : product(by!, a!, 1, transA)),
    () => {
      const scaled = w.op('Mul', [by!, w.scalar(floatOf(one, 'beta', 1), c!)]);
      return w.unbroadcast(scaled, c!, w.facts(one.output[0]!).dims);
    },
  ];
};

/** @throws WorkError where the operator looks along several axes at once, as before operator set 13 */
function axisOf(w: GradientWriter, one: OnnxNode): number {
  const rank = w.rank(one.output[0]!);
  const axis = integerOf(one, 'axis', w.opset >= 13 ? -1 : 1);
  const place = axis < 0 ? axis + rank : axis;
  if (w.opset < 13 && place !== rank - 1) refuse(one, `it looks along all axes from ${place} on`);
  return place;
}

/** (g − Σ g y) y */
const softmax: Rule = (w, one, [by]) => [
  () => {
    const y = one.output[0]!;
    const along = w.sum(w.op('Mul', [by!, y]), [axisOf(w, one)]);
    return w.op('Mul', [w.op('Sub', [by!, along]), y]);
  },
];

/** g − e^y Σ g */
const logSoftmax: Rule = (w, one, [by]) => [
  () => {
    const share = w.op('Mul', [w.op('Exp', [one.output[0]!]), w.sum(by!, [axisOf(w, one)])]);
    return w.op('Sub', [by!, share]);
  },
];

/** x̂ = (x − μ)/σ, or x/rms: gx = (h − mean h − x̂ mean(h x̂))/σ with h = g · gain, where the root mean square has no mean h. */
const norm =
  (centres: boolean): Rule =>
  (w, one, [by]) => [
    () => {
      const [x, gain] = one.input as [string, string];
      const { dims } = w.facts(x);
      const last = dims.length - 1;
      const axis = integerOf(one, 'axis', -1);
      if (axis !== -1 && axis !== last) refuse(one, `it looks along all axes from ${axis} on`);
      const width = w.scalar(dims[last]!, x);
      const mean = (tensor: string): string => w.op('Div', [w.sum(tensor, [last]), width]);
      const centred = centres ? w.op('Sub', [x, mean(x)]) : x;
      const variance = w.op('Add', [mean(w.op('Mul', [centred, centred])), w.scalar(floatOf(one, 'epsilon', 1e-5), x)]);
      const inverse = w.op('Reciprocal', [w.op('Sqrt', [variance])]);
      const normed = w.op('Mul', [centred, inverse]);
      const h = w.op('Mul', [by!, gain]);
      const along = w.op('Mul', [normed, mean(w.op('Mul', [h, normed]))]);
      const rest = w.op('Sub', [centres ? w.op('Sub', [h, mean(h)]) : h, along]);
      return w.op('Mul', [rest, inverse]);
    },
  ];

export const MATRIX_RULES: Readonly<Record<string, Rule>> = {
  MatMul: matMul,
  Gemm: gemm,
  Softmax: softmax,
  LogSoftmax: logSoftmax,
  LayerNormalization: norm(true),
  SimplifiedLayerNormalization: norm(false),
  RMSNormalization: norm(false),
};
