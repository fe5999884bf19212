import { UsageError } from '../../foundation/errors.ts';
import type { Random } from '../../foundation/random.ts';
import type { MatryoshkaArchitecture, Prefixes } from '../../protocol/architectures.ts';
import { thresholded } from './batchtopk.ts';
import { topkLearningRate, type ArchitectureFamily } from './family.ts';
import { checkSelection, refuseCoefficient, selectingNeeds, selectingShape } from './topk.ts';

const unique = (widths: readonly number[]): number[] => [...new Set(widths)].sort((a, b) => a - b);

/**
 * The widths of a step's prefixes, ascending, d_sae last and each once: fewer than asked for where d_sae is small. Sampled ones are drawn
 * evenly in their logarithm, so that short prefixes, which must hold the general features, come as often as long ones.
 * @param random of the step
 */
export function prefixWidths(prefixes: Prefixes, dSae: number, random: Random): readonly number[] {
  switch (prefixes.kind) {
    case 'widths':
      return unique([...prefixes.widths, dSae]);
    case 'halved':
      return unique(Array.from({ length: prefixes.levels }, (_, level) => Math.max(1, Math.floor(dSae / 2 ** level))));
    case 'sampled': {
      const draw = (): number => Math.min(dSae, Math.floor(dSae ** random.uniform()));
      return unique([dSae, ...Array.from({ length: prefixes.levels - 1 }, draw)]);
    }
  }
}

function checkWidths(prefixes: Prefixes, dSae: number): void {
  if (prefixes.kind !== 'widths') return;
  const wrong = prefixes.widths.find((width, i) => width > dSae || (i > 0 && width <= prefixes.widths[i - 1]!));
  if (wrong !== undefined)
    throw new UsageError(
      `--widths is ${prefixes.widths.join(',')}; expected ascending widths of at most --d-sae, which is ${dSae} (${wrong} is not)`,
    );
}

/** Matryoshka BatchTopK (2503.17547): the first features must reconstruct without the rest. */
export const matryoshka: ArchitectureFamily<MatryoshkaArchitecture> = {
  check: (architecture, dSae) => {
    checkSelection(architecture, dSae);
    checkWidths(architecture.prefixes, dSae);
  },
  shape: selectingShape,
  learningRate: (_, dSae) => topkLearningRate(dSae),
  needs: (architecture) => ({
    ...selectingNeeds(architecture),
    ...{ prefixes: architecture.prefixes, followsThreshold: true },
  }),
  initial: () => ({}),
  stored: thresholded,
  withCoefficient: refuseCoefficient,
};
