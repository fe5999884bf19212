#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// In a clone the sources are here too: install and build what is missing or older than they are.
if (existsSync(fileURLToPath(new URL('../server/cli.ts', import.meta.url)))) {
  const { prepare } = await import('../scripts/prepare.mjs');
  await prepare();
}
await import('../dist/server/cli.js');
