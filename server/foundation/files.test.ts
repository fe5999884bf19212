import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { folderBytes, writeFileAtomic, writeFolderAtomic } from './files.ts';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssae-files-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const write =
  (text: string) =>
  (temporary: string): Promise<void> =>
    writeFile(join(temporary, 'file'), text);

describe('a folder written as a whole', () => {
  it('takes the place of the one before, and leaves nothing beside it', async () => {
    const target = join(folder, 'target');
    await writeFolderAtomic(target, write('first'));
    await writeFolderAtomic(target, write('second'));
    expect(await readFile(join(target, 'file'), 'utf8')).toBe('second');
    expect(await readdir(folder)).toEqual(['target']);
  });

  it('keeps what was there when filling it fails', async () => {
    const target = join(folder, 'target');
    await writeFolderAtomic(target, write('first'));
    await expect(writeFolderAtomic(target, () => Promise.reject(new Error('disk full')))).rejects.toThrow(/disk full/);
    expect(await readFile(join(target, 'file'), 'utf8')).toBe('first');
    expect(await readdir(folder)).toEqual(['target']);
  });

  it('finds the old content again after a crash between the two renames, even when the next write fails', async () => {
    const target = join(folder, 'target');
    await writeFolderAtomic(target, write('first'));
    await rename(target, `${target}.old`);
    await expect(writeFolderAtomic(target, () => Promise.reject(new Error('disk full')))).rejects.toThrow();
    expect(await readFile(join(target, 'file'), 'utf8')).toBe('first');
  });
});

describe('a file written as a whole', () => {
  it('names the path that cannot be written, and leaves no half', async () => {
    await mkdir(join(folder, 'taken'));
    await expect(writeFileAtomic(join(folder, 'taken'), 'text')).rejects.toThrow(/could not write .*taken/);
    expect(await readdir(folder)).toEqual(['taken']);
  });
});

it('counts the bytes of a folder and of all below it', async () => {
  await mkdir(join(folder, 'below'));
  await writeFile(join(folder, 'below', 'ten'), '0123456789');
  await writeFile(join(folder, 'five'), '01234');
  expect(await folderBytes(folder)).toBe(15);
  expect(await folderBytes(join(folder, 'absent'))).toBe(0);
});
