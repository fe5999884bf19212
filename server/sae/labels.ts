/** A person's names of features: a JSON table of feature to text. */
import { stat } from 'node:fs/promises';
import { z } from 'zod';
import { UsageError, WorkError } from '../foundation/errors.ts';
import { withFileLock } from '../foundation/file-lock.ts';
import { readJson, writeFileAtomic } from '../foundation/files.ts';

export const LABELS_FILE = 'labels.json';
const MAX_LABEL_LENGTH = 10_000;

const Labels = z.record(z.string().regex(/^\d{1,10}$/), z.string().max(MAX_LABEL_LENGTH));

/** By rising feature; none where there is no file. @throws WorkError naming the file when it is damaged */
export async function readLabels(path: string, dSae: number): Promise<Map<number, string>> {
  if ((await stat(path).catch(() => null)) === null) return new Map();
  const labels = Labels.safeParse(await readJson(path));
  if (!labels.success)
    throw new WorkError(`${path} is not a table of feature to text: ${z.prettifyError(labels.error)}`);
  const entries = Object.entries(labels.data).map(([feature, text]) => [Number(feature), text] as const);
  const outside = entries.find(([feature]) => feature >= dSae);
  if (outside !== undefined)
    throw new WorkError(`${path} labels feature ${outside[0]}; the dictionary has ${dSae} features`);
  return new Map(entries.sort(([a], [b]) => a - b));
}

export async function writeLabels(path: string, labels: ReadonlyMap<number, string>): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(Object.fromEntries(labels), null, 2)}\n`);
}

/** Names one feature, or takes its name away with null. Others' writes at the same time are kept, from whichever process. */
export async function writeLabel(path: string, dSae: number, feature: number, text: string | null): Promise<void> {
  if (!Number.isSafeInteger(feature) || feature < 0 || feature >= dSae)
    throw new UsageError(`feature is ${feature}; expected 0 to ${dSae - 1}`);
  if (text !== null && text.length > MAX_LABEL_LENGTH)
    throw new UsageError(`the label has ${text.length} characters; at most ${MAX_LABEL_LENGTH} are kept`);
  await withFileLock(path, async () => {
    const labels = await readLabels(path, dSae);
    if (text === null) labels.delete(feature);
    else labels.set(feature, text);
    await writeLabels(path, labels);
  });
}
