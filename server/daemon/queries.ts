import type { Services } from '../services/services.ts';
import * as messages from '../protocol/messages.ts';
import type { JobControl } from '../foundation/progress.ts';
import type { Session } from './session.ts';

/** Answers a client's queries: one line a method of the services. They are opened when first asked for. */
export function answerQueries(session: Session, services: () => Promise<Services>): void {
  const answer = <Given, Parsed, Result>(
    request: messages.Request<Given, Parsed, Result>,
    ask: (services: Services, params: Parsed, control: JobControl) => Promise<Result>,
  ): void => {
    session.answer(request, async (params, control) => ask(await services(), params, control));
  };
  answer(messages.ListModels, (studio) => studio.listModels());
  answer(messages.ShowModel, (studio, { name }) => studio.showModel(name));
  answer(messages.AddModel, (studio, request, control) => studio.addModel(request, control));
  answer(messages.RemoveModel, (studio, { name }) => nothing(studio.removeModel(name)));
  answer(messages.RunModel, (studio, request, control) => studio.runModel(request, control));

  answer(messages.ListCorpora, (studio) => studio.listCorpora());
  answer(messages.ShowCorpus, (studio, { name }) => studio.showCorpus(name));
  answer(messages.RemoveCorpus, (studio, { name }) => nothing(studio.removeCorpus(name)));
  answer(messages.BrowseCorpus, (studio, request) => studio.browseCorpus(request));

  answer(messages.ListSelections, (studio) => studio.listSelections());
  answer(messages.ShowSelection, (studio, { name }) => studio.showSelection(name));
  answer(messages.RemoveSelection, (studio, { name }) => nothing(studio.removeSelection(name)));

  answer(messages.ListSeeds, (studio) => studio.listSeeds());
  answer(messages.ShowSeeds, (studio, { name }) => studio.showSeeds(name));
  answer(messages.AddSeeds, (studio, request) => studio.addSeeds(request));
  answer(messages.RemoveSeeds, (studio, { name }) => nothing(studio.removeSeeds(name)));

  answer(messages.Inspect, (studio, request, control) => studio.inspect(request, control));
  answer(messages.ReadSegments, (studio, request, control) => studio.readSegments(request, control));
  answer(messages.ReadToken, (studio, request, control) => studio.readToken(request, control));
  answer(messages.ShowFeature, (studio, request, control) => studio.feature(request, control));
  answer(messages.LabelFeature, (studio, request) => nothing(studio.labelFeature(request)));
  answer(messages.SearchFeatures, (studio, request) => studio.searchFeatures(request));
  answer(messages.ShowSimilarFeatures, (studio, request) => studio.similarFeatures(request));
  answer(messages.ShowTextFeatures, (studio, request, control) => studio.textFeatures(request, control));
  answer(messages.Steer, (studio, request, control) => studio.steer(request, control));

  answer(messages.ListDictionaries, (studio) => studio.listDictionaries());
  answer(messages.ShowDictionary, (studio, { name }) => studio.showDictionary(name));
  answer(messages.RemoveDictionary, (studio, { name }) => nothing(studio.removeDictionary(name)));
  answer(messages.EncodeDictionary, (studio, request, control) => studio.encodeDictionary(request, control));
  answer(messages.ImportDictionary, (studio, request) => studio.importDictionary(request));
  answer(messages.ExportDictionary, (studio, request) => studio.exportDictionary(request));

  answer(messages.ListRuns, (studio) => studio.listRuns());
  answer(messages.ShowRun, (studio, { run }) => studio.showRun(run));
  answer(messages.RemoveRun, (studio, { run }) => nothing(studio.removeRun(run)));
  answer(messages.WriteReport, (studio, request) => studio.writeReport(request));

  answer(messages.Doctor, (studio) => studio.doctor());
  answer(messages.ClearCaches, (studio) => studio.clearCaches());
}

/** JSON has no undefined: what answers nothing answers null. */
async function nothing(work: Promise<void>): Promise<null> {
  await work;
  return null;
}
