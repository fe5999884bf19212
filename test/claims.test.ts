import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../server/foundation/package-root.ts';

it('every claim of the README names a test that there is', () => {
  const table = readFileSync(join(packageRoot, 'docs', 'claims.md'), 'utf8');
  const claims = [...table.matchAll(/^\|.*\| `([^`]+)` › (.+) \|$/gm)];
  expect(claims.length).toBeGreaterThan(40);
  const missing = claims.filter(
    ([, file, title]) => !readFileSync(join(packageRoot, file!), 'utf8').includes(`'${title!}'`),
  );
  expect(missing.map(([line]) => line)).toEqual([]);
});
