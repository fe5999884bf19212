import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError, WorkError } from '../../server/foundation/errors.ts';
import type { Home } from '../../server/foundation/home.ts';
import { type JobControl, throwIfStopped } from '../../server/foundation/progress.ts';
import type { TrainRequest } from '../../server/protocol/requests.ts';
import type { RunModelResult, TrainResult } from '../../server/protocol/results.ts';
import type { Services } from '../../server/services/services.ts';

/** Spins a core for a while, as a kernel without any await in it does. */
function burn(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

/**
 * Stand-in for the trainer, whose own behaviour is not under test here: counts steps in a file, so that a test sees where it
 * was killed and from where it went on. Burns a core as training does.
 */
async function countSteps(home: Home, request: TrainRequest, control: JobControl): Promise<TrainResult> {
  const total = request.tokens ?? 20;
  const file = join(home.folder, `${request.output}.steps`);
  await mkdir(home.folder, { recursive: true });
  const before = request.resume ? await readFile(file, 'utf8').catch(() => '') : '';
  control.report({ stage: 'training', done: 0, total, unit: 'steps', notice: 'engine: fingers' });
  for (let step = before.length; step < total; step++) {
    throwIfStopped(control, 'resume the job');
    burn(request.batch);
    await appendFile(file, '.');
    control.report({
      ...{ stage: 'training', done: step + 1, total, unit: 'steps', note: 'loss 0.5' },
      point: {
        ...{ step: step + 1, loss: 1 / (step + 1), effectiveSampleSize: request.batch, l0: 1 },
        ...{ explainedVariance: null, deadShare: 0.25, learningRate: 1e-3 },
      },
    });
    await sleep(0);
  }
  return { dictionary: request.output, steps: total, tokens: before.length } as TrainResult;
}

/** Services of a test's daemon: real process, real threads, made-up work. What no test asks for is not there. */
export function openSlowServices(home: Home): Services {
  const services: Partial<Services> = {
    home,
    listModels: () => Promise.resolve([{ name: 'builtin', architecture: 'llama', source: 'shipped', bytes: 1 }]),
    showModel: (model) => Promise.reject(new UsageError(`model is "${model}", which does not exist`)),
    // Far more reports than a client wants to hear of.
    runModel: async (request, control) => {
      for (let done = 0; done < 300; done++) {
        control.report({ stage: 'running', done, total: 300, unit: 'tokens' });
        await sleep(1);
      }
      return { output: request.output } as RunModelResult;
    },
    removeModel: () => Promise.reject(new WorkError('the disk is full')),
    train: (request, control) => countSteps(home, request, control),
    evaluate: () => {
      // Deaf to its control: only force ends it.
      burn(600_000);
      return Promise.reject(new WorkError('nobody ended this'));
    },
    retrieve: () => Promise.reject(new WorkError('the corpus is damaged')),
    // Answers only when it is cancelled, and leaves a mark when it was.
    inspect: async (request, control) => {
      await new Promise<void>((resolve) => {
        if (control.signal.aborted) resolve();
        control.signal.addEventListener('abort', () => {
          resolve();
        });
      });
      await appendFile(join(home.folder, 'cancelled'), `${request.text}\n`);
      throwIfStopped(control);
      throw new WorkError('not stopped');
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return services as Services;
}
