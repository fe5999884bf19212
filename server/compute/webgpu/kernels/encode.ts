/** z = x − b_dec, and products of tokens with rows of a matrix: 64 × 64 results a workgroup, 4 × 4 a thread. */
import { reads, writes, type Kernel } from '../kernel.ts';

/** Tokens, and rows of the matrix, that one workgroup multiplies. */
export const TILE = 64;

/** x ← x − b_dec in place. */
export const CENTRE = {
  name: 'centre',
  bindings: { tokens: writes('f32'), decoderBias: reads('f32') },
  settings: { count: 'u32', width: 'u32' },
  threads: 64,
  main: `
  let i = group * 64u + local;
  if (i < settings.count) { tokens[i] -= decoderBias[i % settings.width]; }`,
} as const satisfies Kernel;

/**
 * `features`: pre-activations of a tile's features; `rescaled`: times u_j; `dead`: of the features that `list` names (its first
 * number is how many); `skip`: x W_skip, without a bias.
 */
export type ProductOf = 'features' | 'rescaled' | 'dead' | 'dead rescaled' | 'skip';

/** products[token, column] of `rows` tokens from `firstToken` on with the matrix rows of a tile, `stride` apart. */
export function productKernel(of: ProductOf) {
  const isListed = of.startsWith('dead');
  const count = isListed ? 'list[0]' : 'settings.count';
  const rowOf = isListed ? 'list[1u + column] - settings.first' : 'column';
  const bias = of === 'skip' ? '' : '+ bias[settings.first + row]';
  const norm = of.endsWith('rescaled') ? '* facts[settings.first + row].x' : '';
  return {
    name: `products of ${of}`,
    bindings: {
      tokens: reads('f32'),
      weights: reads('f32'),
      bias: reads('f32'),
      facts: reads('vec4f'),
      list: reads('u32'),
      products: writes('f32'),
    },
    settings: {
      ...({ firstToken: 'u32', rows: 'u32', first: 'u32', count: 'u32' } as const),
      ...({ tileRows: 'u32', depth: 'u32', stride: 'u32' } as const),
    },
    threads: 256,
    declarations: `
var<workgroup> left: array<f32, 1024>;
var<workgroup> right: array<f32, 1024>;`,
    main: `
  let firstRow = groups.y * ${TILE}u;
  let firstColumn = groups.x * ${TILE}u;
  let columns = ${count};
  if (firstColumn >= columns) { return; }
  let x = local % 16u;
  let y = local / 16u;
  var sums: array<vec4f, 4>;
  for (var depth = 0u; depth < settings.depth; depth += 16u) {
    for (var part = 0u; part < 4u; part++) {
      let item = local + part * 256u;
      let at = item / 16u;
      let inner = depth + item % 16u;
      var token = 0.0;
      if (firstRow + at < settings.rows && inner < settings.depth) {
        token = tokens[(settings.firstToken + firstRow + at) * settings.depth + inner];
      }
      left[(item % 16u) * 64u + at] = token;
      let column = firstColumn + at;
      var weight = 0.0;
      if (column < columns && inner < settings.depth) {
        let row = ${rowOf};
        if (row < settings.tileRows) { weight = weights[row * settings.depth + inner]; }
      }
      right[(item % 16u) * 64u + at] = weight;
    }
    workgroupBarrier();
    for (var inner = 0u; inner < 16u; inner++) {
      let at = inner * 64u + x * 4u;
      let row = vec4f(right[at], right[at + 1u], right[at + 2u], right[at + 3u]);
      for (var i = 0u; i < 4u; i++) { sums[i] = fma(vec4f(left[inner * 64u + y * 4u + i]), row, sums[i]); }
    }
    workgroupBarrier();
  }
  for (var i = 0u; i < 4u; i++) {
    let token = firstRow + y * 4u + i;
    for (var part = 0u; part < 4u; part++) {
      let column = firstColumn + x * 4u + part;
      if (token >= settings.rows || column >= columns) { continue; }
      let row = ${rowOf};
      if (row >= settings.tileRows) { continue; }
      products[token * settings.stride + ${isListed ? 'column' : 'settings.first + column'}] = (sums[i][part] ${bias}) ${norm};
    }
  }`,
  } as const satisfies Kernel;
}
