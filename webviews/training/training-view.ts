/** What the panel knows of the runs, and how each message changes it. */
import type { Run, RunFacts, ToTrainingPanel } from '../../server/protocol/panels/training.ts';
import { columnsOf, merged, noPoints, pointsOf, type RunPoints } from './run-points.ts';

export interface KnownRun {
  readonly run: Run;
  readonly facts: RunFacts | null;
  readonly points: RunPoints;
  /** Tokens of a step; null until its history has come. */
  readonly batch: number | null;
  /** Why its history or facts could not be read; null where they could. */
  readonly failure: string | null;
}

export interface TrainingView {
  /** Newest first; null until the list has come. */
  readonly runs: readonly KnownRun[] | null;
  /** Ids of the runs that are drawn, in the order they were chosen. */
  readonly shown: readonly string[];
  /** Why the list could not be read. */
  readonly failure: string | null;
}

export type TrainingEvent =
  ToTrainingPanel | { readonly type: 'toggle'; readonly job: string } | { readonly type: 'retry' };

const unknown = (run: Run): KnownRun => ({ run, facts: null, points: noPoints, batch: null, failure: null });

export function afterEvent(view: TrainingView, event: TrainingEvent): TrainingView {
  switch (event.type) {
    case 'runs':
      return afterList(view, event.runs, event.show);
    case 'run': {
      const { run } = event;
      if (view.runs?.some((known) => known.run.job === run.job) === true)
        return changed(view, run.job, (known) => ({ ...known, run }));
      return { ...view, runs: [unknown(run), ...(view.runs ?? [])] };
    }
    case 'facts':
      return changed(view, event.facts.job, (known) => ({ ...known, facts: event.facts }));
    case 'history':
      return changed(view, event.job, (known) => afterHistory(known, event));
    case 'points':
      return changed(view, event.job, (known) => ({
        ...known,
        points: merged(known.points, columnsOf(event.points)),
        batch: event.points.at(-1)?.batch ?? known.batch,
      }));
    case 'failed':
      if (event.job === null) return { ...view, failure: event.message };
      return changed(view, event.job, (known) => ({ ...known, failure: event.message }));
    case 'toggle': {
      const others = view.shown.filter((job) => job !== event.job);
      return { ...view, shown: others.length < view.shown.length ? others : [...view.shown, event.job] };
    }
    case 'retry':
      return { ...view, failure: null, runs: view.runs?.map((known) => ({ ...known, failure: null })) ?? null };
  }
}

/** Runs that are no longer remembered go; what is asked to be shown is shown, else the newest where nothing is. */
function afterList(view: TrainingView, runs: readonly Run[], show: string | null): TrainingView {
  const known = new Map(view.runs?.map((one) => [one.run.job, one]));
  const all = runs.map((run) => ({ ...(known.get(run.job) ?? unknown(run)), run }));
  const there = new Set(runs.map(({ job }) => job));
  const shown = view.shown.filter((job) => there.has(job));
  const wanted = show !== null && there.has(show) ? show : shown.length === 0 ? runs[0]?.job : undefined;
  return {
    runs: all,
    shown: wanted === undefined || shown.includes(wanted) ? shown : [...shown, wanted],
    failure: null,
  };
}

function afterHistory(known: KnownRun, event: Extract<ToTrainingPanel, { type: 'history' }>): KnownRun {
  try {
    return { ...known, points: merged(known.points, pointsOf(event)), batch: event.batch, failure: null };
  } catch (error) {
    return { ...known, failure: String(error) };
  }
}

function changed(view: TrainingView, job: string, change: (known: KnownRun) => KnownRun): TrainingView {
  if (view.runs === null) return view;
  return { ...view, runs: view.runs.map((known) => (known.run.job === job ? change(known) : known)) };
}
