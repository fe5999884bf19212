import type { TranscoderArchitecture } from '../../protocol/architectures.ts';
import { batchtopk } from './batchtopk.ts';
import type { ArchitectureFamily } from './family.ts';
import { jumprelu } from './jumprelu.ts';
import { relu } from './relu.ts';

type FeatureArchitecture = TranscoderArchitecture['features'];

/** Architectures whose inference form SAELens loads as a transcoder: `transcoder` and `jumprelu_transcoder`, with `skip_` or without. */
const FEATURES = { relu, batchtopk, jumprelu };

function familyOf({ features }: TranscoderArchitecture): ArchitectureFamily<FeatureArchitecture> {
  return FEATURES[features.kind] as ArchitectureFamily<FeatureArchitecture>;
}

/**
 * A transcoder (2406.11944), with `skip` a skip transcoder (2501.18823). The decoder bias lies in the target's space and is never
 * subtracted from the input. There is no resampling: it turns decoder and encoder towards the same vector, and these are two spaces.
 */
export const transcoder: ArchitectureFamily<TranscoderArchitecture> = {
  check: (architecture, dSae) => {
    familyOf(architecture).check(architecture.features, dSae);
  },
  shape: (architecture, widths) => ({
    ...familyOf(architecture).shape(architecture.features, widths),
    ...{ applyDecoderBiasToInput: false, skip: architecture.skip },
  }),
  learningRate: (architecture, dSae) => familyOf(architecture).learningRate(architecture.features, dSae),
  needs: (architecture, widths) => ({
    ...familyOf(architecture).needs(architecture.features, widths),
    resampling: false,
  }),
  initial: (architecture, dSae) => familyOf(architecture).initial(architecture.features, dSae),
  stored: (trained, threshold) =>
    trained.shape.architecture.kind === 'batchtopk' ? batchtopk.stored(trained, threshold) : trained,
  withCoefficient: (architecture, coefficient) => ({
    ...architecture,
    features: familyOf(architecture).withCoefficient(architecture.features, coefficient),
  }),
};
