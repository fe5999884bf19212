import { UsageError } from '../../foundation/errors.ts';
import type { JobControl } from '../../foundation/progress.ts';
import type { DemoRequest } from '../../protocol/requests.ts';
import type { DemoResult } from '../../protocol/results.ts';
import type { Resources } from '../resources.ts';

export function runDemo(_request: DemoRequest, _resources: Resources, _control: JobControl): Promise<DemoResult> {
  return Promise.reject(new UsageError('the demo is being written'));
}
