import type { DictionaryState } from './dictionary-state.ts';
import { COUNT_CHOSEN, HISTOGRAM, histogramGroups, KEEP_CHOSEN, PICK, SHARE_TIES } from './kernels/batch-selection.ts';
import { productKernel, TILE } from './kernels/encode.ts';
import { countKernel, placeKeptKernel, placeRankedKernel, rankKernel, STARTS } from './kernels/selection.ts';
import { rowsIn, type Rows } from './rows.ts';

export interface SelectionSettings {
  readonly tokens: number;
  readonly trains: boolean;
  /** Entries that the rows have room for. */
  readonly room: number;
  /** Candidates of a batch are above it. */
  readonly cut: number;
}

/** Tokens whose pre-activations of so many features are kept at once. */
export function blockTokensOf(state: DictionaryState, features: number, tokens: number): number {
  const most = Math.floor(Math.min(state.options.blockBytes, state.recorder.gpu.maxBytes) / (4 * features));
  return Math.max(1, Math.min(tokens, most));
}

/** Records z → the rows of a batch. What has no room is counted in the starts, but not written. */
export function selectRows(state: DictionaryState, z: GPUBuffer, settings: SelectionSettings): Rows {
  const { memory, recorder, shape } = state;
  const { tokens, room } = settings;
  const isOfBatch = shape.architecture.kind === 'batchtopk' || shape.architecture.kind === 'matryoshka';
  const rows = rowsIn(memory, isOfBatch ? 'candidates' : 'rows', tokens, room);
  const block = blockTokensOf(state, shape.dSae, tokens);
  const products = productsOf(state, tokens);
  recorder.clear(rows.starts);
  for (let first = 0; first < tokens; first += block) {
    const count = Math.min(block, tokens - first);
    multiplyFeatures(state, z, products, first, count);
    placeBlock(state, rows, products, first, count, settings);
  }
  return isOfBatch ? keepLargest(state, rows, shape.architecture.k, settings) : rows;
}

/** Pre-activations of a block of a batch. */
export function productsOf(state: DictionaryState, tokens: number): GPUBuffer {
  const { dSae } = state.shape;
  return state.memory.room('pre-activations', blockTokensOf(state, dSae, tokens) * dSae);
}

function multiplyFeatures(
  state: DictionaryState,
  tokens: GPUBuffer,
  products: GPUBuffer,
  firstToken: number,
  rows: number,
): void {
  const { parameters, recorder, facts, shape } = state;
  const { architecture, dIn, dSae } = shape;
  const isRescaled = 'rescaledByDecoderNorm' in architecture && architecture.rescaledByDecoderNorm;
  for (const tile of parameters.tiles)
    recorder.dispatch(
      productKernel(isRescaled ? 'rescaled' : 'features'),
      {
        tokens,
        weights: parameters.rows('values', 'encoder', tile),
        bias: parameters.vector('values', 'encoderBias'),
        facts,
        list: state.memory.room('no list', 1),
        products,
      },
      {
        ...{ firstToken, rows, first: tile.first, count: tile.count },
        ...{ tileRows: tile.count, depth: dIn, stride: dSae },
      },
      [Math.ceil(tile.count / TILE), Math.ceil(rows / TILE)],
    );
}

function placeBlock(
  state: DictionaryState,
  rows: Rows,
  products: GPUBuffer,
  firstToken: number,
  count: number,
  { trains, room, cut }: SelectionSettings,
): void {
  const { memory, recorder, facts, formulas, shape } = state;
  const { architecture, dSae } = shape;
  const counts = memory.room('counts of a block', count);
  const cuts = memory.room('cuts of a block', 2 * count);
  const list = memory.room('no list', 1);
  const window = architecture.kind === 'jumprelu' ? architecture.bandwidth / 2 : 0;
  const columns = { columns: dSae, stride: dSae };
  if (architecture.kind === 'topk')
    recorder.dispatch(
      rankKernel('features'),
      { products, list, cuts, counts },
      { tokens: count, ...columns, k: architecture.k },
      count,
    );
  else
    recorder.dispatch(
      countKernel(formulas, trains),
      { products, facts, counts },
      { tokens: count, ...columns, least: cut, window },
      count,
    );
  recorder.dispatch(STARTS, { counts, starts: rows.starts }, { first: firstToken, count }, 1);
  recorder.dispatch(
    architecture.kind === 'topk' ? placeRankedKernel('features') : placeKeptKernel(formulas, trains),
    { products, facts, cuts, list, ...rows },
    { firstToken, tokens: count, ...columns, least: cut, window, room },
    count,
  );
}

/** Of the batch's choice: key of the smallest kept value, ties, candidates, key of the smallest value. */
export function choiceOf({ memory }: DictionaryState): GPUBuffer {
  return memory.room('choice of the batch', 4);
}

function keepLargest(state: DictionaryState, from: Rows, k: number, { tokens, room }: SelectionSettings): Rows {
  const { memory, recorder } = state;
  const wanted = k * tokens;
  const choice = choiceOf(state);
  const bins = memory.room('histogram of the batch', 257);
  const shares = memory.room('shares of the batch', 2 * tokens);
  const { starts, values } = from;
  const groups = histogramGroups(room);
  for (const shift of [24, 16, 8, 0]) {
    recorder.dispatch(HISTOGRAM, { starts, values, choice, bins }, { tokens, shift, room, groups }, groups);
    recorder.dispatch(PICK, { starts, bins, choice }, { tokens, shift, wanted }, 1);
  }
  recorder.dispatch(COUNT_CHOSEN, { starts, values, choice, shares }, { tokens, room }, tokens);
  const rows = rowsIn(memory, 'rows', tokens, wanted);
  recorder.dispatch(SHARE_TIES, { choice, shares, starts: rows.starts }, { tokens }, 1);
  recorder.dispatch(
    KEEP_CHOSEN,
    { fromStarts: starts, fromFeatures: from.features, fromValues: values, choice, shares, ...rows },
    { tokens, room },
    tokens,
  );
  return rows;
}
