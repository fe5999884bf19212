import { openStudio } from './open-studio.ts';
import { runJobThread } from './job-thread.ts';

await runJobThread(openStudio);
