/** Settings of `npm run bench:editor`: the harness of the editor's tests, one worker, nothing repeated. */
import { defineConfig } from '@playwright/test';
import { join } from 'node:path';
import { chromiumOptions } from '../../scripts/workbench/chromium.mjs';

export default defineConfig({
  testDir: import.meta.dirname,
  testMatch: '*.bench.mts',
  outputDir: join(import.meta.dirname, '..', '..', 'test-results', 'bench'),
  workers: 1,
  timeout: 180_000,
  expect: { timeout: 20_000 },
  use: { launchOptions: await chromiumOptions() },
});
