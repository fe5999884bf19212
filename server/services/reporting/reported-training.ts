import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { TrainingPoint } from '../../foundation/training-point.ts';
import type { ReportedTraining } from '../../protocol/report.ts';

/** The curve of a dictionary's training, from its folder. */
export async function reportedTraining(name: string, folder: string): Promise<ReportedTraining> {
  const points = z.array(TrainingPoint).parse(JSON.parse(await readFile(join(folder, 'history.json'), 'utf8')));
  return {
    name,
    step: points.map(({ step }) => step),
    loss: points.map(({ loss }) => loss),
    effectiveSampleSizeShare: points.map(({ effectiveSampleSize, batch }) =>
      batch === undefined ? null : effectiveSampleSize / batch,
    ),
  };
}
