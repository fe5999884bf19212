import type { AuxiliaryLoss } from '../engine.ts';
import type { DictionaryState } from './dictionary-state.ts';
import { reconstruct, residualsOf, squareRows, wholeTile, type Batch } from './forward.ts';
import { FORMS, LIST_DEAD, VARIANCE, WEIGH_AUXILIARY } from './kernels/auxiliary.ts';
import { PULL, WEIGH_PULLS } from './kernels/drive.ts';
import { productKernel, TILE } from './kernels/encode.ts';
import { activateKernel } from './kernels/reconstruct.ts';
import { placeRankedKernel, rankKernel, STARTS, type RankOf } from './kernels/selection.ts';
import { rowsIn, type Lists, type Rows } from './rows.ts';
import { blockTokensOf, productsOf } from './selecting.ts';
import { transpose } from './transposing.ts';

/** A reconstruction that features take part in, ready for its gradient. */
export interface Source {
  readonly lists: Lists;
  /** By entry: δ, and what multiplies W_dec. */
  readonly deltas: GPUBuffer;
  readonly decodedValues: GPUBuffer;
  /** [tokens] of (2 w, λ w') */
  readonly weights: GPUBuffer;
}

const MAX_WINDOW = 0xffffffff;

/** How many features are dead, then which. */
export function deadListOf({ memory, shape }: DictionaryState): GPUBuffer {
  return memory.room('dead features', shape.dSae + 1);
}

/** [tokens, d_out] ê − e */
export function auxiliaryResidualsOf({ memory, shape }: DictionaryState, tokens: number): GPUBuffer {
  return memory.room('residuals of the auxiliary loss', tokens * shape.dOut);
}

/** Records the auxiliary loss's forward pass and its δ. @param silent [d_sae] by which a feature is dead */
export function recordAuxiliary(
  state: DictionaryState,
  batch: Batch,
  auxiliary: AuxiliaryLoss,
  silent: GPUBuffer,
  control: GPUBuffer,
): Source {
  const { memory, recorder, facts, formulas, shape, parameters } = state;
  const { tokens } = batch;
  const { dOut, dSae } = shape;
  const list = deadListOf(state);
  const window = Math.min(MAX_WINDOW, Math.ceil(auxiliary.deadAfterTokens));
  recorder.dispatch(LIST_DEAD, { silent, list }, { features: dSae, window }, 1);
  const room = tokens * Math.min(auxiliary.k, dSae);
  const rows = rowsIn(memory, 'auxiliary rows', tokens, room);
  selectDead(state, batch, rows, auxiliary, room);

  const decodedValues = memory.room('auxiliary decoded values', room);
  const penalties = memory.room('auxiliary penalties', 2 * tokens);
  recorder.dispatch(
    activateKernel(formulas),
    { ...rows, facts, decodedValues, penalties },
    { tokens, coefficient: 0, scale: 0 },
    tokens,
  );
  const residuals = auxiliaryResidualsOf(state, tokens);
  const last = residualsOf(state, tokens, batch.widths.length - 1);
  recorder.copy(last, residuals, tokens * dOut * 4);
  for (const tile of parameters.tiles) reconstruct(state, rows, decodedValues, tokens, wholeTile(tile), residuals);

  const squares = memory.room('auxiliary squares', tokens);
  const variances = memory.room('variances', dOut);
  const weights = memory.room('auxiliary weights', 2 * tokens);
  squareRows(state, residuals, squares, tokens, dOut, false);
  recorder.dispatch(VARIANCE, { residuals: last, variances }, { tokens, width: dOut }, dOut);
  const { k, coefficient, form } = auxiliary;
  recorder.dispatch(
    WEIGH_AUXILIARY,
    { list, squares, variances, weights, control },
    { tokens, width: dOut, form: FORMS.indexOf(form), k, coefficient },
    1,
  );
  const deltas = memory.room('auxiliary deltas', room);
  for (const tile of parameters.tiles)
    recorder.dispatch(
      PULL,
      {
        ...{ starts: rows.starts, features: rows.features, residuals, pulls: deltas },
        decoder: parameters.rows('values', 'decoder', tile),
      },
      { tokens, ...featuresOf(tile), tileFirst: tile.first, width: dOut },
      tokens,
    );
  recorder.dispatch(WEIGH_PULLS, { starts: rows.starts, weights, deltas }, { tokens }, tokens);
  return { lists: transpose(state, 'auxiliary', rows, tokens, room), deltas, decodedValues, weights };
}

const featuresOf = (tile: { first: number; count: number }): { first: number; end: number } => ({
  first: tile.first,
  end: tile.first + tile.count,
});

/** The k largest pre-activations of dead features, a block of tokens at a time. */
function selectDead(state: DictionaryState, batch: Batch, rows: Rows, { k, form }: AuxiliaryLoss, room: number): void {
  const { memory, recorder, facts, shape, parameters } = state;
  const { architecture, dIn, dSae } = shape;
  const isRescaled = 'rescaledByDecoderNorm' in architecture && architecture.rescaledByDecoderNorm;
  const of: RankOf = form === 'saelens' ? 'dead of any sign' : 'dead';
  const list = deadListOf(state);
  const products = productsOf(state, batch.tokens);
  const block = blockTokensOf(state, dSae, batch.tokens);
  recorder.clear(rows.starts);
  for (let firstToken = 0; firstToken < batch.tokens; firstToken += block) {
    const count = Math.min(block, batch.tokens - firstToken);
    for (const tile of parameters.tiles)
      recorder.dispatch(
        productKernel(isRescaled ? 'dead rescaled' : 'dead'),
        {
          tokens: batch.z,
          weights: parameters.rows('values', 'encoder', tile),
          bias: parameters.vector('values', 'encoderBias'),
          ...{ facts, list, products },
        },
        {
          ...{ firstToken, rows: count, first: tile.first, count: 0 },
          ...{ tileRows: tile.count, depth: dIn, stride: dSae },
        },
        [Math.ceil(dSae / TILE), Math.ceil(count / TILE)],
      );
    const counts = memory.room('counts of a block', count);
    const cuts = memory.room('cuts of a block', 2 * count);
    const columns = { columns: dSae, stride: dSae };
    recorder.dispatch(rankKernel(of), { products, list, cuts, counts }, { tokens: count, ...columns, k }, count);
    recorder.dispatch(STARTS, { counts, starts: rows.starts }, { first: firstToken, count }, 1);
    recorder.dispatch(
      placeRankedKernel(of),
      { products, facts, cuts, list, ...rows },
      { firstToken, tokens: count, ...columns, least: 0, window: 0, room },
      count,
    );
  }
}
