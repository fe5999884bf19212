/** A process of its own that trains and can be killed at any moment: `train-once REQUEST_JSON ACTIVATIONS OUTPUT`. */
import { unwatched } from '../server/foundation/progress.ts';
import { TrainRequest } from '../server/protocol/requests.ts';
import { openActivationFile } from '../server/train/activation-file.ts';
import { trainDictionary } from '../server/train/train.ts';
import { referenceEngine } from './reference/engine.ts';

const [request, activations, outputFolder] = process.argv.slice(2) as [string, string, string];
const origin = { model: null, modelHash: null, hookPoint: null, contextLength: null };
const control = {
  ...unwatched,
  report: ({ stage, done }: { stage: string; done: number }): void => void process.stdout.write(`${stage} ${done}\n`),
};
await trainDictionary(
  TrainRequest.parse(JSON.parse(request)),
  await openActivationFile(activations),
  { engine: referenceEngine, origin, outputFolder },
  control,
);
