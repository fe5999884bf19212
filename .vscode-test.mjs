/** Settings of @vscode/test-cli: tests that run inside the extension host. `npm run test:editor -- --host` runs them. */
import { defineConfig } from '@vscode/test-cli';
import { fileURLToPath } from 'node:url';

export default defineConfig({
  files: 'dist/test/host/*.test.cjs',
  // The extension itself is installed from its .vsix, by the shim.
  extensionDevelopmentPath: 'test/host/extension',
  workspaceFolder: 'test/fixtures/workbench',
  mocha: { ui: 'bdd', timeout: 60_000, color: false },
  useInstallation: { fromPath: fileURLToPath(new URL('scripts/workbench/code-shim.mjs', import.meta.url)) },
});
