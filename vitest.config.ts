import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{server,client,webviews,test}/**/*.test.{ts,tsx}'],
    // These run inside an editor: scripts/test-editor.mjs.
    exclude: ['test/{host,workbench}/**'],
    // Workers and command-line tests run the bundles in dist/, so they are built from the sources under test first.
    globalSetup: 'test/build.ts',
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
