/** Settings of the end-to-end tests: Playwright drives the workbench with the packaged extension. */
import { defineConfig } from '@playwright/test';
import { join } from 'node:path';
import { chromiumOptions } from '../../scripts/workbench/chromium.mjs';

const results = join(import.meta.dirname, '..', '..', 'test-results', 'workbench');

export default defineConfig({
  testDir: import.meta.dirname,
  outputDir: results, // Of a failed test: screenshot, the page's console, logs.
  workers: 1, // Each has a server, profile and daemon of its own.
  timeout: 120_000,
  expect: { timeout: 30_000 },
  retries: 1, // A window on a busy machine now and then misses a key; what fails twice is broken.
  forbidOnly: process.env['CI'] !== undefined,
  use: {
    launchOptions: await chromiumOptions(),
    trace: process.env['TRACE'] === undefined ? 'off' : 'retain-on-failure',
  },
});
