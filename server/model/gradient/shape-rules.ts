/** Operators that move numbers, and sums of them. */
import { DATA_TYPE, toNumber, type OnnxNode } from '../onnx-file.ts';
import { integer, integerOf, refuse, TO_THE_END, type GradientWriter } from './gradient-writer.ts';
import type { Rule } from './rule.ts';

const reshaped: Rule = (w, { input }, [by]) => [() => w.reshapeLike(by!, input[0]!), null];

const same: Rule = (_, _node, [by]) => [() => by!, null, null];

const cast: Rule = (w, { input }, [by]) => [() => w.cast(by!, w.facts(input[0]!).type)];

const expand: Rule = (w, { input, output }, [by]) => [
  () => w.unbroadcast(by!, input[0]!, w.facts(output[0]!).dims),
  null,
];

const transpose: Rule = (w, one, [by]) => [
  () => {
    const given = one.attribute.find(({ name }) => name === 'perm')?.ints?.map(toNumber);
    const rank = w.rank(one.input[0]!);
    const perm = given ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
    const back = perm.map((_, axis) => perm.indexOf(axis));
    return w.op('Transpose', [by!], [{ name: 'perm', type: 7, ints: back }]);
  },
];

function axisOf(w: GradientWriter, one: OnnxNode, tensor: string): number {
  const axis = integerOf(one, 'axis', 0);
  return axis < 0 ? axis + w.rank(tensor) : axis;
}

const concat: Rule = (w, one, [by]) => {
  const axis = axisOf(w, one, one.output[0]!);
  const sizeOf = (tensor: string): string =>
    w.op('Gather', [w.op('Shape', [tensor]), w.integers(axis)], [integer('axis', 0)]);
  return one.input.map((tensor, place) => () => {
    const start = one.input.slice(0, place).reduce((sum, before) => w.op('Add', [sum, sizeOf(before)]), w.integers(0));
    return w.slice(by!, start, w.op('Add', [start, sizeOf(tensor)]), axis);
  });
};

const split: Rule = (w, one, by) => [
  () => {
    const parts = one.output.map((output, place) => by[place] ?? w.zerosLike(output));
    return w.op('Concat', parts, [integer('axis', axisOf(w, one, one.input[0]!))]);
  },
  null,
];

/** Zeros where nothing was taken. */
function put(w: GradientWriter, by: string, from: string, start: string, end: string, axis: number): string {
  const before = w.zerosLike(w.slice(from, w.integers(0), start, axis), from);
  const after = w.zerosLike(w.slice(from, end, w.integers(TO_THE_END), axis), from);
  return w.op('Concat', [before, by, after], [integer('axis', axis)]);
}

const slice: Rule = (w, one, [by]) => [
  () => {
    const [data, start, end, axes = '', steps = ''] = one.input as [string, string, string, string?, string?];
    const axis = axes === '' ? [0] : w.integersOf(axes);
    if (axis?.length !== 1 || w.facts(start).dims[0] !== 1) refuse(one, 'it cuts several axes, or a computed one');
    if (steps !== '' && w.integersOf(steps)?.[0] !== 1) refuse(one, 'its step is not 1');
    return put(w, by!, data, start, end, axis[0]! < 0 ? axis[0]! + w.rank(data) : axis[0]!);
  },
];

const gather: Rule = (w, one, [by]) => [
  () => {
    const [data, indices] = one.input as [string, string];
    const index = w.integersOf(indices);
    if (index?.length !== 1) refuse(one, 'it takes several places, or a computed one');
    const axis = axisOf(w, one, data);
    const start = w.integers(index[0]!);
    const end = w.integers(index[0] === -1 ? TO_THE_END : index[0]! + 1);
    return put(w, w.reshapeLike(by!, w.slice(data, start, end, axis)), data, start, end, axis);
  },
  null,
];

/** @param averages each number's share is 1 / how many were summed */
const reduction =
  (averages: boolean): Rule =>
  (w, one, [by]) => [
    () => {
      const [x, y] = [one.input[0]!, one.output[0]!];
      const kept = one.attribute.filter(({ name }) => name !== 'keepdims');
      const isKept = integerOf(one, 'keepdims', 1) === 1;
      const column = isKept ? by! : w.reshapeLike(by!, w.op(one.opType, one.input, [...kept, integer('keepdims', 1)]));
      const spread = w.op('Expand', [column, w.op('Shape', [x])]);
      if (!averages) return spread;
      const count = (tensor: string): string => w.cast(w.op('Size', [tensor]), DATA_TYPE.float32);
      const share = w.cast(w.op('Div', [count(y), count(x)]), w.facts(x).type);
      return w.op('Mul', [spread, share]);
    },
    null,
  ];

export const SHAPE_RULES: Readonly<Record<string, Rule>> = {
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Identity: same,
  Dropout: same,
  Cast: cast,
  Expand: expand,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: gather,
  ReduceMean: reduction(true),
  ReduceSum: reduction(false),
};
