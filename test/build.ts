import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Builds bundles (and the addon where a compiler is there) before any test runs. */
export default function setup(): void {
  execFileSync(process.execPath, [fileURLToPath(new URL('../scripts/prepare.mjs', import.meta.url))], {
    stdio: 'inherit',
  });
}
