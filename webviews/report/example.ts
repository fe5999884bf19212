/** A report with made-up numbers of realistic size and shape, the same on every run; for tests and for looking at the page. */
import type { PaintedToken, ReportData, ReportedSplit } from '../../server/protocol/report.ts';
import type { Metric } from '../../server/protocol/results.ts';

const GENERAL = 'gsae-mixed';
const ERM = 'ssae-whales-erm';
const TERM = 'ssae-whales-term';

/** Park & Miller 1988: enough for a picture. */
function uniform(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

const range = <Item>(count: number, item: (index: number) => Item): Item[] =>
  Array.from({ length: count }, (_, index) => item(index));

function metric(baseline: number, difference: number, halfWidth: number, formula: string): Metric {
  const [low, high] = [difference - halfWidth, difference + halfWidth];
  const n =
    'n = 24576 tokens, 24384 predictions, 192 documents; 95 % interval of the difference: 1000 paired bootstrap draws of documents';
  return { value: baseline + difference, baseline, difference, low, high, formula: `${formula}; ${n}` };
}

function split(name: ReportedSplit['split'], gain: number): ReportedSplit {
  return {
    split: name,
    tokens: 24576,
    documents: 192,
    splitHash: name === 'domain' ? '5b1f0c9de27a4413a8f6' : 'c07e44d1937b20ff6e58',
    metrics: {
      l0: metric(32, 0, 0, 'mean over tokens of count(f ≠ 0), features'),
      explained_variance: metric(
        0.7134,
        0.061 * gain,
        0.004,
        '1 − Σ‖x−x̂‖² / Σ‖x−x̄‖², x̄ the mean over all tokens of the set',
      ),
      mse: metric(0.02817, -0.0059 * gain, 0.0005, 'Σ‖x−x̂‖² / (tokens · d_in), squared activation units'),
      cosine: metric(0.8462, 0.0311 * gain, 0.0022, 'mean over tokens of cos(x, x̂)'),
      norm_ratio: metric(0.8391, 0.0214 * gain, 0.03, 'mean over tokens of ‖x̂‖/‖x‖'),
      ce_score: metric(
        0.9127,
        0.0288 * gain,
        0.0061,
        '(CE_zero − CE_sae) / (CE_zero − CE_orig), zero ablation; means over predictions in nats',
      ),
      perplexity_spliced: metric(
        41.28,
        -3.74 * gain,
        1.1,
        'exp(CE_sae), activations replaced by x̂; means over predictions in nats',
      ),
      dead_share: metric(0.3115, -0.0527 * gain, 0.0112, 'share of features that fired on no token'),
      encoder_norm: {
        value: 1.312,
        baseline: 1.241,
        difference: 0.071,
        low: null,
        high: null,
        formula: 'mean over features of ‖W_enc[:, j]‖; n = 4096 features',
      },
      tail_coverage: metric(
        0.1874,
        0.0933 * gain,
        0.031,
        'Σ count of tail token types with a feature / Σ count of tail token types',
      ),
    },
  };
}

function training(name: string, tilted: boolean, seed: number): ReportData['training'][number] {
  const next = uniform(seed);
  const step = range(201, (index) => 10 * index);
  return {
    name,
    step,
    loss: step.map(
      (at) => (tilted ? 0.9 : 0.6) * (0.06 + Math.exp(-at / 60) + 0.12 * Math.exp(-at / 500)) * (0.93 + 0.14 * next()),
    ),
    effectiveSampleSizeShare: step.map((at) =>
      tilted ? 0.28 + 0.5 * (1 - Math.exp(-at / 400)) + 0.05 * (next() - 0.5) : null,
    ),
  };
}

function coverage(name: string, covered: number, bend: number): ReportData['coverage'][number] {
  const tokenShare = range(241, (index) => (index / 240) ** 1.4);
  const normalisedShare = tokenShare.map((share) => share ** bend);
  return { name, tokenShare, normalisedShare, coveredShare: normalisedShare.map((share) => covered * share) };
}

const PASSAGE =
  'There she blows! cried the look-out from the mast-head; the sperm whale breached not a mile to leeward, and every harpooneer sprang to his boat.\nStarbuck said nothing, but watched the <white water> where the flukes had gone down.';

function reading(name: string, strength: number, seed: number): NonNullable<ReportData['painted']>['readings'][number] {
  const next = uniform(seed);
  const tokens = (PASSAGE.match(/\s?[\w-]+|\s?[^\w\s]|\s/g) ?? []).map((text): PaintedToken => {
    const fires = /blow|whale|harpoon|fluke|breach|mast|boat|leeward/.test(text)
      ? next()
      : next() < 0.12
        ? 0.2 * next()
        : 0;
    const activation = strength * fires;
    const features = [
      { feature: Math.floor(4096 * next()), activation },
      { feature: Math.floor(4096 * next()), activation: activation / 3 },
    ];
    return { text, activation, intensity: activation / 6, features: activation === 0 ? [] : features };
  });
  return { name, tokens };
}

export const exampleReport: ReportData = {
  title: 'Whaling, specialised: what a domain dictionary adds',
  verdict: [
    'On held-out whaling text the specialised dictionary explains 6.1 points more variance than the general one (95 % interval 5.7 to 6.5), at the same L0.',
    'It covers half again as many tokens of rare types: 28.1 % instead of 18.7 % of the tail.',
    'On general text it loses 1.2 points of explained variance: a specialised dictionary is used beside the general one, not instead of it.',
  ],
  notes: [
    'Small model, small corpus: the sizes of these effects do not carry over to larger models.',
    'TERM and ERM differ by less than their intervals on explained variance; they differ on tail coverage.',
  ],
  provenance: [
    { key: 'command', value: 'ssae demo --seed 7' },
    { key: 'seed', value: '7' },
    { key: 'version', value: 'SSAE Studio 0.1.0, Node 20.20.0' },
    { key: 'engine', value: 'cpu (addon, AVX2, 2 threads)' },
    { key: 'model', value: 'embedded, blocks.2.hook_resid_post, d_model 256' },
    { key: GENERAL, value: '3f7a09c1d6e2b84455aa01ff9e0c7d12b6c3e8f1a4d5b697' },
    { key: TERM, value: '91be4c03aa57d2f8e6610b7c4d9f8e2a33c05d7716f0b8e9' },
  ],
  retrieval: [
    {
      arm: 'bm25',
      precision: 0.84,
      precisionLow: 0.78,
      precisionHigh: 0.888,
      passages: 214,
      tokens: 20012,
      seconds: 0.41,
    },
    {
      arm: 'dense',
      precision: 0.91,
      precisionLow: 0.863,
      precisionHigh: 0.942,
      passages: 209,
      tokens: 20044,
      seconds: 2.87,
    },
    {
      arm: 'tracin',
      precision: 0.965,
      precisionLow: 0.93,
      precisionHigh: 0.983,
      passages: 203,
      tokens: 20007,
      seconds: 61.3,
    },
    {
      arm: 'random',
      precision: 0.062,
      precisionLow: 0.037,
      precisionHigh: 0.103,
      passages: 211,
      tokens: 20031,
      seconds: 0.09,
    },
  ].map((row, index) => ({ ...row, baseRate: 0.071, overlapDropped: index === 3 ? 0 : 12 + index })),
  dictionaries: [
    {
      name: TERM,
      description: `${GENERAL} finetuned on 20 007 tokens found by tracin, tilted loss, tau 0.5.`,
      splits: [split('domain', 1), split('general', -0.2)],
    },
    { name: ERM, description: 'The same tokens and steps, mean loss.', splits: [split('domain', 0.96)] },
  ],
  training: [training(ERM, false, 11), training(TERM, true, 12)],
  coverage: [coverage(GENERAL, 0.41, 2.6), coverage(ERM, 0.49, 2), coverage(TERM, 0.53, 1.6)],
  painted: {
    description:
      'A held-out passage. Painted: on each token, the sum of the 20 features that gained most on the domain.',
    readings: [reading(`${GENERAL} (before)`, 2.1, 5), reading(`${TERM} (after)`, 6, 5)],
  },
  seeds: [
    'The whale sounded, and the line ran out so fast that the loggerhead smoked.',
    'A harpooneer stands in the bow; the boat-header steers until the fish is fast, and then the two change ends.',
    'It was one of the old traditions of the fishery that a ship which had lost her captain to a whale should never again lower for that same animal, and the crew kept to it, though the mates swore, and the owners wrote letters, and the price of oil rose every month they were out.',
  ],
  hits: ['bm25', 'tracin'].flatMap((arm, place) =>
    range(4, (index) => ({
      arm,
      score: place === 0 ? 14.2 - 1.3 * index : 0.82 - 0.07 * index,
      text: [
        'The boats were lowered, and pulled hard for the spout to windward.',
        'They cut in the whale alongside, and the try-works burned all night; by morning the decks were slippery with oil and the hold had forty barrels more than the captain had hoped for when the watch was set and the lamps were lit.',
        'My fellow citizens, the fisheries of the northern coast deserve the attention of Congress.',
        'He had a scar like a seam, and they said a whale gave it to him.',
      ][index]!,
      inDomain: index !== 2,
    })),
  ),
};
