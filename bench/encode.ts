/**
 * Encoding alone: TopK features of a batch by every engine beside dense PyTorch, and the encoder's product as a share of the machine's
 * float32 peak. Each round runs every one of them.
 */
import { availableParallelism } from 'node:os';
import type { EngineArchitecture, EngineDictionary, EngineName } from '../server/compute/engine.ts';
import { engineAvailability, openEngine } from '../server/compute/engines.ts';
import { unwatched, type JobControl } from '../server/foundation/progress.ts';
import { Random } from '../server/foundation/random.ts';
import { openPeak } from './peak.ts';
import { compare, measure, medianCpuMilliseconds, medianMilliseconds, timed } from './rounds.ts';
import type { Comparison, Measured, Side } from './rounds.ts';
import { peersPython, torchEncoding, type PeerName } from './training-peers.ts';

interface Sizes {
  readonly dIn: number;
  readonly dSae: number;
  readonly k: number;
  readonly batch: number;
}

const SIZES: readonly Sizes[] = [
  { dIn: 256, dSae: 4096, k: 32, batch: 2048 },
  { dIn: 512, dSae: 8192, k: 32, batch: 2048 },
  { dIn: 768, dSae: 24576, k: 32, batch: 2048 },
];

export interface EncodingRow extends Sizes, Comparison {
  readonly engine: EngineName;
  readonly peer: PeerName;
  readonly rounds: number;
  readonly threads: number;
  readonly ourMilliseconds: number;
  readonly peerMilliseconds: number;
}

/** Encoding where no feature fires: the product, the tokens' way into the engine and one comparison an element. */
export interface ProductRow {
  readonly dIn: number;
  readonly dSae: number;
  readonly batch: number;
  readonly engine: EngineName;
  readonly rounds: number;
  readonly threads: number;
  readonly milliseconds: number;
  /** 2 · batch · d_in · d_sae operations in that time. */
  readonly gigaflops: number;
  /** Fused multiply-adds on registers, as many threads, in the same rounds. */
  readonly peakGigaflops: number;
  readonly share: number;
  /** The same of processor time, which other programs on the machine disturb less. */
  readonly cpuShare: number;
}

type Kind = 'topk' | 'product';
/** So low that nothing fires. */
const SILENT = -100;

class OurEncoding implements Side {
  readonly #dictionary: EngineDictionary;
  readonly #batch: Float32Array;
  readonly #dispose: () => Promise<void>;

  private constructor(dictionary: EngineDictionary, batch: Float32Array, dispose: () => Promise<void>) {
    this.#dictionary = dictionary;
    this.#batch = batch;
    this.#dispose = dispose;
  }

  static async open(name: EngineName, kind: Kind, { dIn, dSae, k, batch }: Sizes, threads: number): Promise<Side> {
    const random = new Random(0);
    const normals = (length: number): Float32Array => Float32Array.from({ length }, () => random.normal());
    const encoder = normals(dSae * dIn).map((value) => value * dIn ** -0.5);
    const encoderBias = new Float32Array(dSae).fill(kind === 'topk' ? 0 : SILENT);
    const architecture: EngineArchitecture =
      kind === 'topk' ? { kind, k, rescaledByDecoderNorm: false } : { kind: 'relu', penalty: 'decoder_norm_weighted' };
    const engine = await openEngine(name, { threads });
    const dictionary = await engine.dictionary(
      { dIn, dOut: dIn, dSae, skip: false, applyDecoderBiasToInput: true, unitNormDecoder: false, architecture },
      { encoder, encoderBias, decoder: encoder, decoderBias: new Float32Array(dIn) },
    );
    return new OurEncoding(dictionary, normals(batch * dIn), async () => engine[Symbol.asyncDispose]());
  }

  step(): Promise<Measured> {
    return timed(async () => {
      const { offsets, features } = await this.#dictionary.encode(this.#batch);
      return features.length / (offsets.length - 1);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispose();
  }
}

async function benchSizes(
  sizes: Sizes,
  rounds: number,
  control: JobControl,
): Promise<{ encoding: EncodingRow[]; products: ProductRow[] }> {
  const threads = availableParallelism();
  const engines = (await engineAvailability())
    .filter(({ name, available }) => available && name !== 'tensorflow')
    .map(({ name }) => name);
  const python = peersPython();
  const sides: Side[] = [];
  const add = (side: Side): number => sides.push(side) - 1;
  try {
    const ours = { topk: [] as number[], product: [] as number[] };
    for (const kind of ['topk', 'product'] as const)
      for (const name of engines) ours[kind].push(add(await OurEncoding.open(name, kind, sizes, threads)));
    const torch = python === null ? null : add(torchEncoding(python, { architecture: 'topk', ...sizes }, threads));
    const peak = openPeak(threads);
    const peakAt = peak === null ? null : add(peak.side);
    const measured = await measure(sides, rounds, control);
    const { k, ...product } = { ...sizes, rounds, threads };
    const encoding = engines.flatMap((engine, i): EncodingRow[] => {
      if (torch === null) return [];
      const [our, other] = [measured[ours.topk[i]!]!, measured[torch]!];
      const times = { ourMilliseconds: medianMilliseconds(our), peerMilliseconds: medianMilliseconds(other) };
      return [{ ...product, k, engine, peer: 'torch', ...times, ...compare(our, other) }];
    });
    const products = engines.flatMap((engine, i): ProductRow[] => {
      if (peak === null || peakAt === null) return [];
      const [our, bound] = [measured[ours.product[i]!]!, measured[peakAt]!];
      const flops = 2 * sizes.batch * sizes.dIn * sizes.dSae;
      const milliseconds = medianMilliseconds(our);
      const gigaflops = (1e-6 * flops) / milliseconds;
      const peakGigaflops = (1e-6 * peak.flops) / medianMilliseconds(bound);
      const cpuShare = ((flops / peak.flops) * medianCpuMilliseconds(bound)) / medianCpuMilliseconds(our);
      return [
        { ...product, engine, milliseconds, gigaflops, peakGigaflops, share: gigaflops / peakGigaflops, cpuShare },
      ];
    });
    return { encoding, products };
  } finally {
    for (const side of sides) await side[Symbol.asyncDispose]();
  }
}

/** @param rounds at least 7 for a figure that is published */
export async function benchEncoding(
  rounds: number,
  control: JobControl = unwatched,
): Promise<{ encoding: readonly EncodingRow[]; products: readonly ProductRow[] }> {
  const [encoding, products]: [EncodingRow[], ProductRow[]] = [[], []];
  for (const [index, sizes] of SIZES.entries()) {
    const stage = `encoding ${sizes.dIn} × ${sizes.dSae}`;
    control.report({ stage, done: index, total: SIZES.length, unit: 'shapes' });
    const rows = await benchSizes(sizes, rounds, control);
    encoding.push(...rows.encoding);
    products.push(...rows.products);
  }
  return { encoding, products };
}
