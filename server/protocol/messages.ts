/**
 * Every message between the daemon and its clients, declared once: JSON-RPC 2.0 over the socket that {@link Endpoint} names,
 * framed by Content-Length as in the Language Server Protocol. `hello` comes first. Paths in requests are absolute: the daemon
 * does not share its clients' working folder.
 */
import { NotificationType, ProgressType, RequestType } from 'vscode-jsonrpc/node.js';
import { z } from 'zod';
import type { Progress } from '../foundation/progress.ts';
import * as corpusPages from './corpus-pages.ts';
import * as featurePages from './feature-pages.ts';
import { type ErrorKind, type Job, type JobDetail, JobSpec } from './jobs.ts';
import * as requests from './requests.ts';
import type * as results from './results.ts';
import * as runs from './runs.ts';
import * as tokenReadings from './token-readings.ts';
import { type TrainingHistoryResult, TrainingHistoryRequest } from './training-history.ts';

/** Raised when a message changes so that an older peer would misread it. `hello` and `daemon/stop` never change. */
export const PROTOCOL_VERSION = 3;

/** Bytes of one message's body. Larger ones are refused before they are read into memory. */
export const MAX_REQUEST_BYTES = 64 * 1024 * 1024;
/** Bytes of one answer's body; the features of a long text take more room than the text. */
export const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

/** JSON-RPC error codes beyond the standard's own. */
export const ERROR_CODE = { work: -32001, refused: -32002, interrupted: -32800 } as const;

/** The last word of a daemon that stops in good order, as an error that answers no request. */
export const DAEMON_STOPPED = 'the daemon was stopped';

/** What an error carries beside its message. */
export interface ErrorData {
  readonly kind: ErrorKind;
}

/** A request: its method, the schema that its parameters are checked by, and the type of its answer. */
export interface Request<Given, Parsed, Result> {
  readonly type: RequestType<Given, Result, ErrorData>;
  readonly params: z.ZodType<Parsed, Given>;
}

const answering =
  <Result>() =>
  <Given, Parsed>(method: string, params: z.ZodType<Parsed, Given>): Request<Given, Parsed, Result> => ({
    type: new RequestType(method),
    params,
  });

/**
 * How far a query is: `$/progress` of the Language Server Protocol, for a request whose parameters hold a `workDoneToken`. At most
 * ten times a second.
 */
export type QueryProgress = Progress;
export const QueryProgressed = new ProgressType<QueryProgress>();
export const WithProgressToken = z.object({ workDoneToken: z.union([z.string().max(256), z.int()]) });

const name = z.string().min(1).max(4096);
const Nothing = z.object({});
const ByName = z.object({ name });
const ByJob = z.object({ job: name });

/** The first request of a connection: shows the token of the endpoint file and the protocol that the client speaks. */
export const Hello = answering<{ protocol: number; version: string; pid: number }>()(
  'hello',
  z.object({ protocol: z.int(), token: z.string().max(256), client: z.string().max(256) }),
);

export interface DaemonStatus {
  readonly version: string;
  readonly pid: number;
  readonly home: string;
  readonly started: string;
  readonly clients: number;
  readonly jobs: { readonly queued: number; readonly running: number };
  /** Resident memory, bytes. */
  readonly memory: number;
  readonly log: string;
}
export const ShowStatus = answering<DaemonStatus>()('daemon/status', Nothing);
/** Running jobs are asked to checkpoint, then the daemon exits. Answered before it does. */
export const StopDaemon = answering<null>()('daemon/stop', Nothing);

export const ListModels = answering<readonly results.ModelSummary[]>()('models/list', Nothing);
export const ShowModel = answering<results.ModelResult>()('models/show', ByName);
export const AddModel = answering<results.ModelSummary>()('models/add', requests.AddModelRequest);
export const RemoveModel = answering<null>()('models/remove', ByName);
export const RunModel = answering<results.RunModelResult>()('models/run', requests.RunModelRequest);

export const ListCorpora = answering<readonly results.CorpusSummary[]>()('corpora/list', Nothing);
export const ShowCorpus = answering<results.CorpusSummary>()('corpora/show', ByName);
export const RemoveCorpus = answering<null>()('corpora/remove', ByName);
export const BrowseCorpus = answering<corpusPages.BrowseCorpusResult>()(
  'corpora/browse',
  corpusPages.BrowseCorpusRequest,
);

export const ListSelections = answering<readonly corpusPages.SelectionSummary[]>()('selections/list', Nothing);
export const ShowSelection = answering<corpusPages.SelectionResult>()('selections/show', ByName);
export const RemoveSelection = answering<null>()('selections/remove', ByName);

export const ListSeeds = answering<readonly results.SeedSetSummary[]>()('seeds/list', Nothing);
export const ShowSeeds = answering<results.SeedSetResult>()('seeds/show', ByName);
export const AddSeeds = answering<results.SeedSetResult>()('seeds/add', requests.AddSeedsRequest);
export const RemoveSeeds = answering<null>()('seeds/remove', ByName);

export const Inspect = answering<results.InspectResult>()('inspect', requests.InspectRequest);
export const ReadSegments = answering<tokenReadings.ReadSegmentsResult>()(
  'segments/read',
  tokenReadings.ReadSegmentsRequest,
);
/** null where no token is at the place. */
export const ReadToken = answering<tokenReadings.ReadTokenResult | null>()(
  'token/read',
  tokenReadings.ReadTokenRequest,
);
export const ShowTextFeatures = answering<tokenReadings.TextFeaturesResult>()(
  'features/ofText',
  tokenReadings.TextFeaturesRequest,
);

export const ShowFeature = answering<featurePages.FeatureResult>()('feature/show', featurePages.FeatureRequest);
export const LabelFeature = answering<null>()('feature/label', featurePages.LabelFeatureRequest);
export const SearchFeatures = answering<readonly featurePages.FoundFeature[]>()(
  'features/search',
  featurePages.SearchFeaturesRequest,
);
export const ShowSimilarFeatures = answering<featurePages.SimilarFeaturesResult>()(
  'features/similar',
  featurePages.SimilarFeaturesRequest,
);
export const Steer = answering<featurePages.SteerResult>()('steer', featurePages.SteerRequest);

export const ListDictionaries = answering<readonly results.DictionarySummary[]>()('dictionaries/list', Nothing);
export const ShowDictionary = answering<results.DictionarySummary>()('dictionaries/show', ByName);
export const RemoveDictionary = answering<null>()('dictionaries/remove', ByName);
export const EncodeDictionary = answering<results.EncodeResult>()('dictionaries/encode', requests.EncodeRequest);
export const ImportDictionary = answering<results.DictionarySummary>()(
  'dictionaries/import',
  requests.ImportDictionaryRequest,
);
export const ExportDictionary = answering<results.ExportResult>()(
  'dictionaries/export',
  requests.ExportDictionaryRequest,
);

/** Experiments that were run, those that were interrupted included. They are run as jobs. */
export const ListRuns = answering<readonly runs.RunSummary[]>()('runs/list', Nothing);
export const ShowRun = answering<runs.RunDetail>()('runs/show', runs.RunReference);
export const RemoveRun = answering<null>()('runs/remove', runs.RunReference);
/** Draws a run's report anew. */
export const WriteReport = answering<runs.WriteReportResult>()('runs/report', runs.WriteReportRequest);

export const Doctor = answering<results.DoctorResult>()('doctor', Nothing);
/** Deletes what is made again when it is needed: activations, feature indexes, cut graphs. */
export const ClearCaches = answering<results.ClearCachesResult>()('caches/clear', Nothing);

/** Puts a job in the queue. Jobs belong to the daemon: they go on when their client leaves. */
export const StartJob = answering<Job>()('jobs/start', JobSpec);
/** All jobs that are remembered, oldest first. */
export const ListJobs = answering<readonly Job[]>()('jobs/list', Nothing);
export const ShowJob = answering<JobDetail>()('jobs/show', ByJob);
/** Figures of a training job, also of one that is done. */
export const ShowTrainingHistory = answering<TrainingHistoryResult>()('jobs/history', TrainingHistoryRequest);
/** Ends a job for good, whether it waits or runs. Answers once it has ended. */
export const CancelJob = answering<Job>()('jobs/cancel', ByJob);
/** Stops a job at its next checkpoint, to be resumed later. Answers once it stands. */
export const PauseJob = answering<Job>()('jobs/pause', ByJob);
/** Puts a paused, failed or cancelled job back in the queue; training goes on from its checkpoint. */
export const ResumeJob = answering<Job>()('jobs/resume', ByJob);
/** From now on `jobs/changed` tells this client of one job, or of all (`job: null`). Answers those jobs as they are. */
export const FollowJobs = answering<readonly Job[]>()('jobs/follow', z.object({ job: name.nullable() }));

/** A followed job has another state or has got further. Sent at most ten times a second a job. */
export const JobChanged = new NotificationType<Job>('jobs/changed');
