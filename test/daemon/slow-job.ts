import { runJobThread } from '../../server/daemon/job-thread.ts';
import { openSlowServices } from './slow-services.ts';

await runJobThread(openSlowServices);
