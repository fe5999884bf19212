import type { JobControl } from '../foundation/progress.ts';
import type { Home } from '../foundation/home.ts';
import type * as corpusPages from '../protocol/corpus-pages.ts';
import type * as featurePages from '../protocol/feature-pages.ts';
import type * as requests from '../protocol/requests.ts';
import type * as results from '../protocol/results.ts';
import type * as tokenReadings from '../protocol/token-readings.ts';
import type * as runs from '../protocol/runs.ts';

/**
 * Everything the product does, once: the command line calls it in its own process, the daemon for its clients.
 * Implementations validate nothing: requests were parsed by their schema at the boundary.
 */
export interface Services extends AsyncDisposable {
  readonly home: Home;

  listModels(): Promise<readonly results.ModelSummary[]>;
  showModel(model: string): Promise<results.ModelResult>;
  addModel(request: requests.AddModelRequest, control: JobControl): Promise<results.ModelSummary>;
  removeModel(model: string): Promise<void>;
  runModel(request: requests.RunModelRequest, control: JobControl): Promise<results.RunModelResult>;

  ingest(request: requests.IngestRequest, control: JobControl): Promise<results.IngestResult>;
  listCorpora(): Promise<readonly results.CorpusSummary[]>;
  showCorpus(corpus: string): Promise<results.CorpusSummary>;
  removeCorpus(corpus: string): Promise<void>;
  browseCorpus(request: corpusPages.BrowseCorpusRequest): Promise<corpusPages.BrowseCorpusResult>;

  addSeeds(request: requests.AddSeedsRequest): Promise<results.SeedSetResult>;
  listSeeds(): Promise<readonly results.SeedSetSummary[]>;
  showSeeds(seeds: string): Promise<results.SeedSetResult>;
  removeSeeds(seeds: string): Promise<void>;

  retrieve(request: requests.RetrieveRequest, control: JobControl): Promise<results.RetrieveResult>;
  listSelections(): Promise<readonly corpusPages.SelectionSummary[]>;
  showSelection(selection: string): Promise<corpusPages.SelectionResult>;
  removeSelection(selection: string): Promise<void>;

  harvest(request: requests.HarvestRequest, control: JobControl): Promise<results.HarvestResult>;
  train(request: requests.TrainRequest, control: JobControl): Promise<results.TrainResult>;
  finetune(request: requests.FinetuneRequest, control: JobControl): Promise<results.TrainResult>;
  evaluate(request: requests.EvaluateRequest, control: JobControl): Promise<results.EvaluateResult>;

  inspect(request: requests.InspectRequest, control: JobControl): Promise<results.InspectResult>;
  readSegments(
    request: tokenReadings.ReadSegmentsRequest,
    control: JobControl,
  ): Promise<tokenReadings.ReadSegmentsResult>;
  /** null where no token is at the place. */
  readToken(
    request: tokenReadings.ReadTokenRequest,
    control: JobControl,
  ): Promise<tokenReadings.ReadTokenResult | null>;
  feature(request: featurePages.FeatureRequest, control: JobControl): Promise<featurePages.FeatureResult>;
  labelFeature(request: featurePages.LabelFeatureRequest): Promise<void>;
  searchFeatures(request: featurePages.SearchFeaturesRequest): Promise<readonly featurePages.FoundFeature[]>;
  similarFeatures(request: featurePages.SimilarFeaturesRequest): Promise<featurePages.SimilarFeaturesResult>;
  textFeatures(
    request: tokenReadings.TextFeaturesRequest,
    control: JobControl,
  ): Promise<tokenReadings.TextFeaturesResult>;
  steer(request: featurePages.SteerRequest, control: JobControl): Promise<featurePages.SteerResult>;

  listDictionaries(): Promise<readonly results.DictionarySummary[]>;
  showDictionary(dictionary: string): Promise<results.DictionarySummary>;
  removeDictionary(dictionary: string): Promise<void>;
  encodeDictionary(request: requests.EncodeRequest, control: JobControl): Promise<results.EncodeResult>;
  /** Counts how often each feature fires on a corpus, and keeps it with the dictionary. */
  countDensities(request: requests.CountDensitiesRequest, control: JobControl): Promise<results.CountDensitiesResult>;
  /** A folder in the SAELens format becomes a stored dictionary. */
  importDictionary(request: requests.ImportDictionaryRequest): Promise<results.DictionarySummary>;
  exportDictionary(request: requests.ExportDictionaryRequest): Promise<results.ExportResult>;

  runExperiment(request: runs.RunExperimentRequest, control: JobControl): Promise<runs.RunResult>;
  replayRun(request: runs.RunReference, control: JobControl): Promise<runs.ReplayResult>;
  listRuns(): Promise<readonly runs.RunSummary[]>;
  showRun(run: string): Promise<runs.RunDetail>;
  removeRun(run: string): Promise<void>;
  writeReport(request: runs.WriteReportRequest): Promise<runs.WriteReportResult>;

  doctor(): Promise<results.DoctorResult>;
  /** Deletes what is made again when it is needed; what is in use stays. */
  clearCaches(): Promise<results.ClearCachesResult>;
  demo(request: requests.DemoRequest, control: JobControl): Promise<results.DemoResult>;
}
