import { join, resolve } from 'node:path';
import { writeFileAtomic } from '../../foundation/files.ts';
import { Home } from '../../foundation/home.ts';
import { productVersion } from '../../foundation/package-root.ts';
import type { JobControl } from '../../foundation/progress.ts';
import type { ReportData, ReportedDictionary } from '../../protocol/report.ts';
import type { DemoRequest } from '../../protocol/requests.ts';
import type { DemoResult } from '../../protocol/results.ts';
import { sha256 } from '../../foundation/hash.ts';
import { reportPage } from '../report-page.ts';
import { generalTexts, paintPassage, passageToPaint } from '../reporting/painted-passage.ts';
import { reportedCoverage, reportedSplit } from '../reporting/reported-evaluation.ts';
import { stageOf } from '../reporting/stages.ts';
import { Resources } from '../resources.ts';
import { CORPORA, makeCorpora } from './demo-corpora.ts';
import { evaluateEveryRun, type DemoEvaluation } from './demo-evaluation.ts';
import { retrieveWithEveryArm, SEED_SET, type DemoRetrieval } from './demo-retrieval.ts';
import { RUNS, trainEveryRun, type TrainedDemo } from './demo-training.ts';
import { verdict } from './demo-verdict.ts';
import { SIZES, SUBJECT } from './subject.ts';

const STAGES = 5;

function reportedDictionaries({ domain, general }: DemoEvaluation): ReportedDictionary[] {
  return RUNS.map(({ name, description }) => ({
    ...{ name, description },
    splits: [reportedSplit('domain', domain.get(name)!), reportedSplit('general', general.get(name)!)],
  }));
}

/** The held-out gloss that shows most, as every dictionary sees it. */
async function painted(resources: Resources, control: JobControl): Promise<ReportData['painted']> {
  const store = await resources.corpora();
  const texts: string[] = [];
  for await (const { text } of (await store.corpus(CORPORA.domain)).passages()) texts.push(text);
  const text = passageToPaint(texts);
  const dictionaries = ['builtin-gsae', ...RUNS.map(({ name }) => name)].map((name) => ({ name, reference: name }));
  const general = await generalTexts(await store.corpus(CORPORA.general));
  return text === null ? null : paintPassage({ dictionaries, text, seeds: SUBJECT.seeds, general }, resources, control);
}

async function provenance(
  request: DemoRequest,
  trained: TrainedDemo,
  resources: Resources,
): Promise<ReportData['provenance']> {
  const gsae = await resources.dictionaries.load('builtin-gsae');
  const model = await resources.model('builtin');
  const first = trained.results[0]!;
  return [
    { key: 'command', value: `ssae demo --seed ${request.seed} --engine ${request.engine}` },
    {
      key: 'version',
      value: `ssae-studio ${productVersion}, Node ${process.version}, ${process.platform}-${process.arch}`,
    },
    { key: 'engine', value: first.engine },
    {
      key: 'model',
      value: `builtin, content ${model.description.contentHash.slice(0, 16)}, ${gsae.origin.hookPoint ?? ''}`,
    },
    {
      key: 'dictionary before',
      value: `builtin-gsae, content ${gsae.contentHash.slice(0, 16)}, ${gsae.shape.dSae} features`,
    },
    {
      key: 'training',
      value: `${first.steps} steps, ${first.tokens} tokens a run, from selections of ${SIZES.selectionTokens} tokens`,
    },
    {
      key: 'searched corpus',
      value: `WordNet glosses (${CORPORA.pool}); half of the labelled glosses are held out and never searched`,
    },
    {
      key: 'seeds',
      value: `${SUBJECT.seeds.length} sentences, content ${sha256(SUBJECT.seeds.join('\n')).slice(0, 16)}`,
    },
  ];
}

interface Found {
  readonly retrieval: DemoRetrieval;
  readonly trained: TrainedDemo;
  readonly evaluation: DemoEvaluation;
}

async function reportData(
  request: DemoRequest,
  { retrieval, trained, evaluation }: Found,
  resources: Resources,
  control: JobControl,
): Promise<ReportData> {
  return {
    title: `A dictionary specialised to ${SUBJECT.domain}`,
    verdict: verdict(retrieval, evaluation),
    notes: [
      'One run with one seed on a small model: it shows how the product measures, not what the method can do. Intervals are over held-out text, not over seeds.',
      'builtin-gsae was trained on a random 44 % of the tokens of these sample corpora, so it has read part of the text it is measured on here; the finetuned dictionaries start from it. Nothing that is measured was searched or finetuned on.',
      'A small tilt is used because a large one trains on a handful of tokens: see the effective sample size.',
    ],
    provenance: await provenance(request, trained, resources),
    retrieval: retrieval.rows,
    dictionaries: reportedDictionaries(evaluation),
    training: trained.curves,
    coverage: reportedCoverage(
      'builtin-gsae',
      RUNS.map(({ name }) => [name, evaluation.domain.get(name)!]),
    ),
    painted: await painted(resources, control),
    seeds: SUBJECT.seeds,
    hits: retrieval.hits,
  };
}

/**
 * The main job on built-in data, in a home folder of its own below the output: seeds → retrieval by every arm → finetuning →
 * evaluation on held-out text → a report.
 */
export async function runDemo(request: DemoRequest, threads: number | null, control: JobControl): Promise<DemoResult> {
  const started = performance.now();
  const folder = resolve(request.output);
  await using resources = new Resources(new Home(join(folder, 'home')), threads);
  await makeCorpora(join(folder, 'corpora'), resources, stageOf(control, 1, STAGES)('sample corpora'));
  await resources.seeds.add(
    SEED_SET,
    SUBJECT.seeds.map((text) => ({ text, from: null })),
  );
  const retrieval = await retrieveWithEveryArm(request.seed, resources, stageOf(control, 2, STAGES));
  const trained = await trainEveryRun(request.engine, request.seed, resources, stageOf(control, 3, STAGES));
  const evaluation = await evaluateEveryRun(request.seed, resources, stageOf(control, 4, STAGES));
  const found = { retrieval, trained, evaluation };
  const data = await reportData(request, found, resources, stageOf(control, 5, STAGES)('report'));
  const report = join(folder, 'report.html');
  await writeFileAtomic(report, await reportPage(data));
  await writeFileAtomic(join(folder, 'report.json'), `${JSON.stringify(data, null, 1)}\n`);
  return { folder, report, seconds: (performance.now() - started) / 1000, data };
}
