import type { SparseFeatures } from './engine.ts';

/** Several blocks of rows as one. */
export function joinRows(parts: readonly SparseFeatures[]): SparseFeatures {
  if (parts.length === 1) return parts[0]!;
  const tokens = parts.reduce((total, part) => total + part.offsets.length - 1, 0);
  const entries = parts.reduce((total, part) => total + part.features.length, 0);
  const joined = {
    offsets: new Uint32Array(tokens + 1),
    features: new Uint32Array(entries),
    values: new Float32Array(entries),
  };
  let token = 0;
  let entry = 0;
  for (const { offsets, features, values } of parts) {
    joined.features.set(features, entry);
    joined.values.set(values, entry);
    for (let row = 1; row < offsets.length; row++) joined.offsets[++token] = entry + offsets[row]!;
    entry += features.length;
  }
  return joined;
}
