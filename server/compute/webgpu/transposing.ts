import type { DictionaryState } from './dictionary-state.ts';
import { COUNT_BANDS, FEATURE_STARTS, FILL_LISTS, SCAN_BANDS } from './kernels/transpose.ts';
import type { Lists, Rows } from './rows.ts';

const MAX_BANDS = 128;

/** Lists by feature of a batch's rows. @param room entries that the rows may have */
export function transpose(state: DictionaryState, name: string, rows: Rows, tokens: number, room: number): Lists {
  const { memory, recorder, shape } = state;
  const features = shape.dSae;
  const allowed = Math.floor(recorder.gpu.maxBytes / (4 * features));
  const bandTokens = Math.ceil(tokens / Math.max(1, Math.min(MAX_BANDS, allowed)));
  const bands = Math.ceil(tokens / bandTokens);
  const cursors = memory.room('cursors of the features', bands * features);
  const counts = memory.room('counts of the features', features);
  const featureStarts = memory.room(`${name}: feature starts`, features + 1);
  const byFeature = memory.room(`${name}: lists by feature`, 2 * room);
  const { starts, features: entries } = rows;
  recorder.clear(cursors);
  recorder.dispatch(COUNT_BANDS, { starts, features: entries, cursors }, { tokens, bandTokens, features }, bands);
  recorder.dispatch(SCAN_BANDS, { cursors, counts }, { bands, features }, Math.ceil(features / 64));
  recorder.dispatch(FEATURE_STARTS, { counts, featureStarts }, { features }, 1);
  recorder.dispatch(
    FILL_LISTS,
    { starts, features: entries, featureStarts, cursors, byFeature },
    { tokens, bandTokens, features },
    bands,
  );
  return { featureStarts, byFeature };
}
