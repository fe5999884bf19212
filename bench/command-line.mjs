/** The product's command line, for benchmarks that use it as a person does. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MOST_OUTPUT_BYTES = 2 ** 28;

/** @returns the output of a program @throws Error with its last lines when it fails */
export function outputOf(program, words, env = process.env) {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8', env, maxBuffer: MOST_OUTPUT_BYTES });
  if (status === 0) return stdout;
  throw new Error(`${program} ${words.join(' ')}: ${(stderr ?? '').trim().split('\n').slice(-3).join(' ')}`);
}

/** @returns what runs `ssae` with these words and gives its JSON */
export function commandLine(root, env = process.env) {
  const program = fileURLToPath(new URL('bin/ssae.mjs', root));
  return (...words) => JSON.parse(outputOf(process.execPath, [program, ...words, '--json', '--quiet'], env));
}
