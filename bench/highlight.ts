import { cpus } from 'node:os';
import { Home } from '../server/foundation/home.ts';
import type { JobControl } from '../server/foundation/progress.ts';
import { benchmarkHighlight } from '../server/inspect/highlight-benchmark.ts';
import { Resources } from '../server/services/resources.ts';

export interface HighlightRow {
  readonly engine: string;
  readonly architecture: string;
  readonly dIn: number;
  readonly dSae: number;
  readonly tokens: number;
  readonly rounds: number;
  readonly ourMilliseconds: number;
  readonly p95Milliseconds: number;
  /** No other tool inspects text outside of Python. */
  readonly peer: null;
  readonly ratio: null;
}

/** Milliseconds to inspect 200 tokens with the built-in model and dictionary, in the process that holds them. */
export async function benchHighlight(
  rounds: number,
  control: JobControl,
): Promise<{ machine: string; rows: HighlightRow[] }> {
  await using resources = new Resources(new Home(), null);
  const inspected = await resources.inspectable('builtin-gsae');
  const { name } = await resources.engine('auto');
  const { dIn, dSae, tokens, median, p95 } = await benchmarkHighlight(inspected, { tokens: 200, rounds }, control);
  const row: HighlightRow = {
    ...{ engine: name, architecture: inspected.dictionary.shape.architecture.kind, dIn, dSae, tokens, rounds },
    ...{ ourMilliseconds: median, p95Milliseconds: p95, peer: null, ratio: null },
  };
  return { machine: `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores`, rows: [row] };
}
