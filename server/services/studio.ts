import type { Home } from '../foundation/home.ts';
import type { JobControl } from '../foundation/progress.ts';
import { ingest } from '../corpus/ingest.ts';
import { featurePage } from '../inspect/feature-page.ts';
import { SegmentReader } from '../inspect/segment-reader.ts';
import { searchFeatures } from '../inspect/feature-search.ts';
import { checkFeature, inspectText } from '../inspect/inspect-text.ts';
import { similarFeatures } from '../inspect/similar-features.ts';
import { steer } from '../inspect/steer.ts';
import { featuresOfText } from '../inspect/text-search.ts';
import { BUILTIN_MODEL } from '../model/model-store.ts';
import type * as corpusPages from '../protocol/corpus-pages.ts';
import type * as featurePages from '../protocol/feature-pages.ts';
import type * as requests from '../protocol/requests.ts';
import type * as results from '../protocol/results.ts';
import type * as tokenReadings from '../protocol/token-readings.ts';
import { browseCorpus, selectionResult } from './browsing.ts';
import { clearCaches } from './caches.ts';
import type * as runs from '../protocol/runs.ts';
import { runDemo } from './demo/demo.ts';
import { countDictionary } from './dictionary-count.ts';
import { encodeDictionary, exportDictionary, importDictionary } from './dictionary-files.ts';
import { diagnose } from './doctor.ts';
import { replayRun } from './experiment/replay.ts';
import { runExperiment } from './experiment/run-experiment.ts';
import { findRun, listRuns, removeRun } from './experiment/run-folder.ts';
import { writeReport } from './experiment/runs.ts';
import { evaluate } from './evaluation.ts';
import { harvest } from './harvest.ts';
import { runModel } from './model-run.ts';
import { Resources } from './resources.ts';
import { retrieveResult, retrieveSelection } from './retrieval.ts';
import { readSegments, readToken } from './segments.ts';
import type { Services } from './services.ts';
import { finetune, train } from './training.ts';

export interface ServiceOptions {
  /** Of engines and models; null for one a core. */
  readonly threads?: number | null;
}

/** The services over one home folder. */
class Studio implements Services {
  readonly home: Home;
  readonly #resources: Resources;
  readonly #segments = new SegmentReader();
  readonly #threads: number | null;

  constructor(home: Home, { threads = null }: ServiceOptions) {
    this.home = home;
    this.#threads = threads;
    this.#resources = new Resources(home, threads);
  }

  async listModels(): Promise<results.ModelSummary[]> {
    const { models } = this.#resources;
    return Promise.all((await models.names()).map((name) => models.summary(name)));
  }

  async showModel(name: string): Promise<results.ModelResult> {
    const { name: model, ...description } = (await this.#resources.model(name)).description;
    const { architecture, layers, dModel, vocabulary, contextLength, hookPoints, files, licence, source } = description;
    return { model, architecture, layers, dModel, vocabulary, contextLength, hookPoints, files, licence, source };
  }

  addModel(request: requests.AddModelRequest, control: JobControl): Promise<results.ModelSummary> {
    return this.#resources.models.add(request, control);
  }

  async removeModel(model: string): Promise<void> {
    await this.#resources.models.remove(model);
    await this.#resources.closeModel(model);
  }

  async runModel(request: requests.RunModelRequest, control: JobControl): Promise<results.RunModelResult> {
    return runModel(request, await this.#resources.model(request.model), control);
  }

  async ingest(request: requests.IngestRequest, control: JobControl): Promise<results.IngestResult> {
    const [store, tokenizer, embedder] = await Promise.all([
      this.#resources.corpora(),
      this.#resources.model(BUILTIN_MODEL),
      this.#resources.encoder(),
    ]);
    return ingest(request, { store, tokenizer, embedder }, control);
  }

  async listCorpora(): Promise<readonly results.CorpusSummary[]> {
    return (await this.#resources.corpora()).list();
  }

  async showCorpus(corpus: string): Promise<results.CorpusSummary> {
    return (await (await this.#resources.corpora()).corpus(corpus)).summary;
  }

  async removeCorpus(corpus: string): Promise<void> {
    await (await this.#resources.corpora()).remove(corpus);
  }

  async browseCorpus(request: corpusPages.BrowseCorpusRequest): Promise<corpusPages.BrowseCorpusResult> {
    return browseCorpus(request, await (await this.#resources.corpora()).corpus(request.corpus));
  }

  addSeeds({ name, seeds }: requests.AddSeedsRequest): Promise<results.SeedSetResult> {
    return this.#resources.seeds.add(name, seeds);
  }

  async listSeeds(): Promise<readonly results.SeedSetSummary[]> {
    const { seeds } = this.#resources;
    const sets = await Promise.all((await seeds.names()).map((name) => seeds.show(name)));
    return sets.map((set) => ({ name: set.name, seeds: set.seeds.length }));
  }

  showSeeds(seeds: string): Promise<results.SeedSetResult> {
    return this.#resources.seeds.show(seeds);
  }

  removeSeeds(seeds: string): Promise<void> {
    return this.#resources.seeds.remove(seeds);
  }

  async retrieve(request: requests.RetrieveRequest, control: JobControl): Promise<results.RetrieveResult> {
    const { selection } = await retrieveSelection(request, this.#resources, control);
    return retrieveResult(request, selection);
  }

  async listSelections(): Promise<readonly corpusPages.SelectionSummary[]> {
    const { selections } = this.#resources;
    return Promise.all((await selections.names()).map((name) => selections.summary(name)));
  }

  async showSelection(selection: string): Promise<corpusPages.SelectionResult> {
    return selectionResult(selection, await this.#resources.selections.load(selection));
  }

  removeSelection(selection: string): Promise<void> {
    return this.#resources.selections.remove(selection);
  }

  harvest(request: requests.HarvestRequest, control: JobControl): Promise<results.HarvestResult> {
    return harvest(request, this.#resources, control);
  }

  train(request: requests.TrainRequest, control: JobControl): Promise<results.TrainResult> {
    return train(request, this.#resources, control);
  }

  finetune(request: requests.FinetuneRequest, control: JobControl): Promise<results.TrainResult> {
    return finetune(request, this.#resources, control);
  }

  async evaluate(request: requests.EvaluateRequest, control: JobControl): Promise<results.EvaluateResult> {
    const evaluation = await evaluate(request, this.#resources, control);
    const { dictionary, baseline, n, splitHash, overlapDropped, metrics } = evaluation;
    return { dictionary, baseline, n, splitHash, overlapDropped, metrics };
  }

  async inspect(request: requests.InspectRequest, control: JobControl): Promise<results.InspectResult> {
    return inspectText(request.text, await this.#resources.inspectable(request.dictionary), request, control);
  }

  readSegments(
    request: tokenReadings.ReadSegmentsRequest,
    control: JobControl,
  ): Promise<tokenReadings.ReadSegmentsResult> {
    return readSegments(request, this.#segments, this.#resources, control);
  }

  readToken(
    request: tokenReadings.ReadTokenRequest,
    control: JobControl,
  ): Promise<tokenReadings.ReadTokenResult | null> {
    return readToken(request, this.#segments, this.#resources, control);
  }

  async feature(request: featurePages.FeatureRequest, control: JobControl): Promise<featurePages.FeatureResult> {
    const inspectable = await this.#resources.inspectable(request.dictionary);
    const corpus = request.corpus === null ? null : await (await this.#resources.corpora()).corpus(request.corpus);
    return featurePage(inspectable, request, corpus, this.home.cache, control);
  }

  labelFeature({ dictionary, feature, label }: featurePages.LabelFeatureRequest): Promise<void> {
    return this.#resources.dictionaries.label(dictionary, feature, label);
  }

  async searchFeatures(request: featurePages.SearchFeaturesRequest): Promise<featurePages.FoundFeature[]> {
    const dictionary = await this.#resources.dictionaries.load(request.dictionary);
    return searchFeatures(dictionary, request.query, request.limit);
  }

  async similarFeatures(request: featurePages.SimilarFeaturesRequest): Promise<featurePages.SimilarFeaturesResult> {
    const dictionary = await this.#resources.dictionaries.load(request.dictionary);
    checkFeature(request.feature, dictionary.shape.dSae, dictionary.name);
    return similarFeatures(dictionary, request.feature, request.limit);
  }

  async textFeatures(
    request: tokenReadings.TextFeaturesRequest,
    control: JobControl,
  ): Promise<tokenReadings.TextFeaturesResult> {
    return featuresOfText(request, await this.#resources.inspectable(request.dictionary), control);
  }

  async steer(request: featurePages.SteerRequest, control: JobControl): Promise<featurePages.SteerResult> {
    return steer(request, await this.#resources.inspectable(request.dictionary), control);
  }

  listDictionaries(): Promise<readonly results.DictionarySummary[]> {
    return this.#resources.dictionaries.list();
  }

  showDictionary(dictionary: string): Promise<results.DictionarySummary> {
    return this.#resources.dictionaries.show(dictionary);
  }

  removeDictionary(dictionary: string): Promise<void> {
    return this.#resources.dictionaries.remove(dictionary);
  }

  encodeDictionary(request: requests.EncodeRequest, control: JobControl): Promise<results.EncodeResult> {
    return encodeDictionary(request, this.#resources, control);
  }

  countDensities(request: requests.CountDensitiesRequest, control: JobControl): Promise<results.CountDensitiesResult> {
    return countDictionary(request, this.#resources, control);
  }

  importDictionary(request: requests.ImportDictionaryRequest): Promise<results.DictionarySummary> {
    return importDictionary(request, this.#resources);
  }

  exportDictionary(request: requests.ExportDictionaryRequest): Promise<results.ExportResult> {
    return exportDictionary(request, this.#resources);
  }

  runExperiment(request: runs.RunExperimentRequest, control: JobControl): Promise<runs.RunResult> {
    return runExperiment(request, this.#resources, control);
  }

  replayRun(request: runs.RunReference, control: JobControl): Promise<runs.ReplayResult> {
    return replayRun(request, this.#resources, control);
  }

  listRuns(): Promise<runs.RunSummary[]> {
    return listRuns(this.home);
  }

  async showRun(run: string): Promise<runs.RunDetail> {
    return (await findRun(this.home, run)).detail();
  }

  removeRun(run: string): Promise<void> {
    return removeRun(this.home, run);
  }

  writeReport(request: runs.WriteReportRequest): Promise<runs.WriteReportResult> {
    return writeReport(request, this.home);
  }

  doctor(): Promise<results.DoctorResult> {
    return diagnose({ home: this.home, engines: this.#resources.engines('auto') });
  }

  clearCaches(): Promise<results.ClearCachesResult> {
    return clearCaches(this.home.cache);
  }

  demo(request: requests.DemoRequest, control: JobControl): Promise<results.DemoResult> {
    return runDemo(request, this.#threads, control);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources[Symbol.asyncDispose]();
  }
}

export function openServices(home: Home, options: ServiceOptions = {}): Services {
  return new Studio(home, options);
}
