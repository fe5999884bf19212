import { expect, it } from 'vitest';
import { experimentProgress } from './experiment-progress.ts';

it('an experiment says which step it is at and how far that is', () => {
  const reading = { stage: '2/14 retrieve bm25: reading passages', done: 41, total: 100 };
  expect(experimentProgress(reading)).toBe('retrieve bm25 2/14 · 41 %');
  expect(experimentProgress({ ...reading, total: null })).toBe('retrieve bm25 2/14');
  expect(experimentProgress({ stage: 'checking sources', done: 3, total: null })).toBe('checking sources');
});
