import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { extensionFolder } from './steps.mts';
import { expect, test } from './workbench.mts';

const run = promisify(execFile);

test('the installed extension has what its daemon loads late: corpora and the model runtime', async ({ workbench }) => {
  const cwd = extensionFolder(workbench);
  const env = { ...process.env, SSAE_HOME: workbench.server.home };
  const ssae = (...words: string[]) => run(process.execPath, [join('bin', 'ssae.mjs'), ...words], { cwd, env });
  expect((await ssae('corpus', 'add', 'whales', 'builtin:moby-dick')).stdout).toMatch(/\d passages of \d/);

  const script = "console.log(typeof require('onnxruntime-node').InferenceSession.create)";
  expect((await run(process.execPath, ['-e', script], { cwd })).stdout.trim()).toBe('function');
});
