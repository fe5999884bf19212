import type { Objective, Tilt } from './requests.ts';

/** "τ = 0.5" */
export function tiltText(tilt: Tilt): string {
  switch (tilt.kind) {
    case 'raw':
      return `t = ${tilt.t}`;
    case 'relative':
      return `τ = ${tilt.tau}`;
    case 'sample_size':
      return `ESS = ${tilt.share} of the batch`;
  }
}

/** "TERM, τ = 0.5, passages" */
export function objectiveText(objective: Objective): string {
  if (objective.kind === 'erm') return 'mean loss';
  const { tilt, tilts, warmupSteps = 0, passages } = objective;
  return [
    `TERM, ${tiltText(tilt)}`,
    ...(passages === undefined ? [] : [`passages, their tokens ${tiltText(passages.inner)}`]),
    ...(tilts === 'loss' ? [] : ['reconstruction tilted']),
    ...(warmupSteps === 0 ? [] : [`from 0 over ${warmupSteps} steps`]),
  ].join(', ');
}
