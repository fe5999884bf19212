import type { Job, JobState, JobSpec } from '../protocol/jobs.ts';
import type { CreatedEvent, JobEvent, JobJournal } from './job-journal.ts';
import { jobTitle } from './job-title.ts';

/** A job in memory: what is told of it, what it was asked, where it is written down. */
export interface JobRecord {
  readonly job: Job;
  readonly spec: JobSpec;
  readonly journal: JobJournal;
}

export function begin({ id, spec, at }: CreatedEvent, journal: JobJournal): JobRecord {
  const state: JobState = { kind: 'queued', since: at };
  return { job: { id, kind: spec.kind, title: jobTitle(spec), created: at, attempts: 0, state }, spec, journal };
}

/** The job after an event. */
export function advance(record: JobRecord, event: JobEvent): JobRecord {
  const { job } = record;
  const attempts = event.event === 'started' ? job.attempts + 1 : job.attempts;
  return { ...record, job: { ...job, attempts, state: stateAfter(event) } };
}

function stateAfter(event: JobEvent): JobState {
  const since = event.at;
  switch (event.event) {
    case 'created':
    case 'resumed':
      return { kind: 'queued', since };
    case 'started':
      return { kind: 'running', since, progress: null };
    case 'paused':
      return { kind: 'paused', since, reason: event.reason };
    case 'done':
      return { kind: 'done', since };
    case 'failed':
      return { kind: 'failed', since, error: event.error };
    case 'cancelled':
      return { kind: 'cancelled', since };
  }
}
