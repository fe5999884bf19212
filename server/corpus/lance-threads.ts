import { availableParallelism } from 'node:os';

/**
 * LanceDB 0.31 sizes its pool of threads by the cores less two, and its full-text indexing waits on itself for ever where that leaves
 * fewer than four: on two cores it hung on a corpus of 117,000 passages. Its library reads the variable when it is loaded. Only the main thread can
 * set a variable that the library sees, so programs that open corpora in worker threads call this when they start.
 */
export function reserveLanceThreads(): void {
  process.env['LANCE_CPU_THREADS'] ??= String(Math.max(4, availableParallelism()));
}
