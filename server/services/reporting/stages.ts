import type { JobControl } from '../../foundation/progress.ts';

/** Says which of several stages a piece of work belongs to: "2/5 retrieve by bm25: reading passages". */
export function stageOf(control: JobControl, number: number, stages: number): (name: string) => JobControl {
  return (name) => ({
    signal: control.signal,
    report: (progress) => {
      control.report({ ...progress, stage: `${number}/${stages} ${name}: ${progress.stage}` });
    },
  });
}
