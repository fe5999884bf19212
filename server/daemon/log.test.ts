import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Log } from './log.ts';

describe('the log', () => {
  it('keeps two files of bounded size, the newest lines in the first', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ssae-log-'));
    try {
      const log = new Log(join(folder, 'daemon.log'));
      for (let line = 0; line < 700; line++) log.info(`${line} ${'x'.repeat(20_000)}`);
      log.error('last\nof all');
      expect(readdirSync(folder).sort()).toEqual(['daemon.log', 'daemon.log.1']);
      for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).size).toBeLessThan(4.1 * 1024 * 1024);
      expect(readFileSync(log.path, 'utf8').endsWith(' error last\n  of all\n')).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
