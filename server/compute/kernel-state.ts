/** What a training instance holds of a state, whatever its moments are stored as. */
import {
  buildParameters,
  isMatrix,
  parameterLengths,
  type DictionaryParameters,
  type ParameterName,
  type StatePart,
} from './engine.ts';
import {
  regionOf,
  regionRows,
  type KernelInstance,
  type KernelLayout,
  type ParameterGroup,
} from './kernel-instance.ts';
import { lastHalf, narrowInPlace, widenInPlace } from '../foundation/bfloat16.ts';

const GROUP_OF: Readonly<Record<StatePart, ParameterGroup>> = {
  ...{ parameters: '', firstMoment: 'first', secondMoment: 'second' },
};

/** Numbers that are rounded at once on their way into the kernels. */
const ROUNDED_AT_ONCE = 2 ** 18;

export interface KernelState {
  readonly instance: KernelInstance;
  readonly layout: KernelLayout;
}

function isNarrow({ layout: { moments } }: KernelState, part: StatePart, name: ParameterName): boolean {
  return moments === 'bfloat16' && part !== 'parameters' && isMatrix(name);
}

/** @param first as in `StateAccess` */
export function readState(
  state: KernelState,
  part: StatePart,
  name: ParameterName,
  first: number,
  into: Float32Array,
): void {
  const region = regionOf(GROUP_OF[part], name);
  const row = first / widthOf(state, name);
  if (!isNarrow(state, part, name)) {
    state.instance.read(region, into, row);
    return;
  }
  state.instance.read(region, lastHalf(into), row);
  widenInPlace(into);
}

export function writeState(
  state: KernelState,
  part: StatePart,
  name: ParameterName,
  first: number,
  from: Float32Array,
): void {
  const region = regionOf(GROUP_OF[part], name);
  const width = widthOf(state, name);
  if (!isNarrow(state, part, name)) {
    state.instance.write(region, from, first / width);
    return;
  }
  const most = width * Math.max(1, Math.floor(ROUNDED_AT_ONCE / width));
  for (let at = 0; at < from.length; at += most)
    state.instance.write(region, narrowInPlace(from.slice(at, at + most)), (first + at) / width);
}

/** Numbers between one place of an array that a region may be read from and the next. */
function widthOf({ layout: { shape } }: KernelState, name: ParameterName): number {
  return isMatrix(name) ? regionRows(name, 0, shape)[1] : 1;
}

export function readPart(state: KernelState, part: StatePart): DictionaryParameters {
  return buildParameters(state.layout.shape, (name, length) => {
    const values = new Float32Array(length);
    readState(state, part, name, 0, values);
    return values;
  });
}

export function writePart(state: KernelState, part: StatePart, values: DictionaryParameters): void {
  for (const [name] of parameterLengths(state.layout.shape)) writeState(state, part, name, 0, values[name]!);
}
