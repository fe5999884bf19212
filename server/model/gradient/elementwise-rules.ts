/** Operators that take each number by itself. */
import type { GradientWriter } from './gradient-writer.ts';
import type { Rule } from './rule.ts';

type Binary = (
  writer: GradientWriter,
  by: string,
  a: string,
  b: string,
  value: string,
) => readonly [() => string, () => string];

/** Of operands that are broadcast to each other. */
const binary =
  (slopes: Binary): Rule =>
  (w, { input, output }, [by]) => {
    const { dims } = w.facts(output[0]!);
    return slopes(w, by!, input[0]!, input[1]!, output[0]!).map(
      (slope, place) => () => w.unbroadcast(slope(), input[place]!, dims),
    );
  };

/** @param slope from the input x and the value y */
const unary =
  (slope: (writer: GradientWriter, x: string, y: string) => string): Rule =>
  (w, { input, output }, [by]) => [() => w.op('Mul', [by!, slope(w, input[0]!, output[0]!)])];

const power: Rule = (w, { input: [base, exponent], output }, [by]) => [
  () => {
    const { type } = w.facts(base!);
    const n = w.cast(exponent!, type);
    const less = w.op('Pow', [base!, w.op('Sub', [n, w.scalar(1, base!)])]);
    const slope = w.op('Mul', [n, less]);
    return w.unbroadcast(w.op('Mul', [by!, slope]), base!, w.facts(output[0]!).dims);
  },
  null,
];

const where: Rule = (w, { input: [condition, yes, no], output }, [by]) => {
  const { dims } = w.facts(output[0]!);
  const zero = (): string => w.scalar(0, output[0]!);
  return [
    null,
    () => w.unbroadcast(w.op('Where', [condition!, by!, zero()]), yes!, dims),
    () => w.unbroadcast(w.op('Where', [condition!, zero(), by!]), no!, dims),
  ];
};

/** 2/√π e^{−x²} */
function errorSlope(w: GradientWriter, x: string): string {
  const bell = w.op('Exp', [w.op('Neg', [w.op('Mul', [x, x])])]);
  return w.op('Mul', [w.scalar(2 / Math.sqrt(Math.PI), x), bell]);
}

/** 1 − what `tensor` is, in the type of `like`, of which a run told. */
const oneLess = (w: GradientWriter, tensor: string, like: string): string => w.op('Sub', [w.scalar(1, like), tensor]);

export const ELEMENTWISE_RULES: Readonly<Record<string, Rule>> = {
  Add: binary((_, by) => [() => by, () => by]),
  Sub: binary((w, by) => [() => by, () => w.op('Neg', [by])]),
  Mul: binary((w, by, a, b) => [() => w.op('Mul', [by, b]), () => w.op('Mul', [by, a])]),
  Div: binary((w, by, _, b, value) => [
    () => w.op('Div', [by, b]),
    () => w.op('Neg', [w.op('Div', [w.op('Mul', [by, value]), b])]),
  ]),
  Pow: power,
  Where: where,
  Neg: (w, _, [by]) => [() => w.op('Neg', [by!])],
  Exp: unary((_, _x, y) => y),
  Log: unary((w, x) => w.op('Reciprocal', [x])),
  Sqrt: unary((w, _, y) => w.op('Div', [w.scalar(0.5, y), y])),
  Reciprocal: unary((w, _, y) => w.op('Neg', [w.op('Mul', [y, y])])),
  Tanh: unary((w, _, y) => oneLess(w, w.op('Mul', [y, y]), y)),
  Sigmoid: unary((w, _, y) => w.op('Mul', [y, oneLess(w, y, y)])),
  Erf: unary(errorSlope),
  Relu: unary((w, x) => w.cast(w.op('Greater', [x, w.scalar(0, x)]), w.facts(x).type)),
};
