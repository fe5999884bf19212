import { release } from 'node:os';
import { engineAvailability } from '../compute/engines.ts';
import type { ShelvedEngines } from '../compute/run-engines.ts';
import type { GpuStep } from '../compute/webgpu/predicted-memory.ts';
import { folderBytes } from '../foundation/files.ts';
import type { Home } from '../foundation/home.ts';
import { productVersion } from '../foundation/package-root.ts';
import type { DoctorResult } from '../protocol/results.ts';

interface Diagnosed {
  readonly home: Home;
  /** Those that `auto` chooses from. */
  readonly engines: ShelvedEngines;
}

/** A step of usual size, for which the engine is chosen here; a run chooses for its own. */
const USUAL_STEP: GpuStep = {
  shape: {
    ...{ dIn: 512, dOut: 512, dSae: 8192, architecture: { kind: 'topk', k: 32, rescaledByDecoderNorm: false } },
    ...{ applyDecoderBiasToInput: true, unitNormDecoder: true, skip: false },
  },
  ...{ batch: 2048, levels: 1, auxiliary: 256 },
};

/** What a bug report needs first. Sizes in bytes. */
export async function diagnose({ home, engines }: Diagnosed): Promise<DoctorResult> {
  const { models, corpora, dictionaries, selections, cache, jobs } = home;
  const folders = { models, corpora, dictionaries, selections, cache, jobs };
  const sizes = await Promise.all(Object.values(folders).map(folderBytes));
  const auto = await engines.verdict(USUAL_STEP);
  return {
    ...{ version: productVersion, node: process.version },
    platform: `${process.platform}-${process.arch} ${release()}`,
    engines: await engineAvailability(),
    auto: { engine: auto.name, reason: auto.reason },
    home: home.folder,
    sizes: Object.fromEntries(Object.keys(folders).map((name, i) => [name, sizes[i]!])),
  };
}
