/** WGSL compute kernels: their bindings and settings are declared once, in TypeScript, and the WGSL declarations made from that. */

export interface Binding {
  /** WGSL type of the array's elements. */
  readonly element: string;
  readonly access: 'read' | 'write';
}

export const reads = (element: string): Binding => ({ element, access: 'read' });
export const writes = (element: string): Binding => ({ element, access: 'write' });

export interface Kernel<B extends string = string, S extends string = string> {
  /** Names the pipeline; kernels of one name are the same. */
  readonly name: string;
  readonly bindings: Readonly<Record<B, Binding>>;
  /** Numbers that may differ from dispatch to dispatch. */
  readonly settings: Readonly<Record<S, 'u32' | 'f32'>>;
  readonly threads: number;
  /** Body of `main`, which knows `group` (index of the workgroup) and `local` (of the thread in it). */
  readonly main: string;
  /** Declarations before `main`. */
  readonly declarations?: string;
}

/** Workgroups in one row of a dispatch: what every device allows. */
const ROW_OF_GROUPS = 65535;

/** @returns x and y of a dispatch of at least `count` workgroups; kernels end those beyond */
export function gridOf(count: number): [x: number, y: number] {
  return count <= ROW_OF_GROUPS ? [count, 1] : [ROW_OF_GROUPS, Math.ceil(count / ROW_OF_GROUPS)];
}

export function wgslOf({ bindings, settings, threads, declarations = '', main }: Kernel): string {
  const arrays = Object.entries(bindings).map(
    ([name, { element, access }], index) =>
      `@group(0) @binding(${index + 1}) var<storage, ${access === 'read' ? 'read' : 'read_write'}> ${name}: array<${element}>;`,
  );
  const fields = Object.entries(settings).map(([name, type]) => `  ${name}: ${type},`);
  return `struct Settings {
${fields.join('\n')}
}
@group(0) @binding(0) var<uniform> settings: Settings;
${arrays.join('\n')}
${declarations}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let group = groups.x + groups.y * ${ROW_OF_GROUPS}u;
${main}
}
`;
}

/** `total(local, value)`: the sum over the workgroup's threads, in one order whatever the device. */
export function totalOf(threads: number, type: 'f32' | 'vec4f' = 'f32'): string {
  return `
var<workgroup> partial: array<${type}, ${threads}>;
fn total(local: u32, value: ${type}) -> ${type} {
  partial[local] = value;
  workgroupBarrier();
  for (var span = ${threads / 2}u; span > 0u; span >>= 1u) {
    if (local < span) { partial[local] += partial[local + span]; }
    workgroupBarrier();
  }
  let sum = partial[0];
  workgroupBarrier();
  return sum;
}`;
}

/** `before(local, value)`: the sum over the workgroup's earlier threads. */
export function scanOf(threads: number): string {
  return `
var<workgroup> running: array<u32, ${threads}>;
fn before(local: u32, value: u32) -> u32 {
  running[local] = value;
  workgroupBarrier();
  for (var span = 1u; span < ${threads}u; span <<= 1u) {
    var sum = running[local];
    if (local >= span) { sum += running[local - span]; }
    workgroupBarrier();
    running[local] = sum;
    workgroupBarrier();
  }
  return running[local] - value;
}`;
}
