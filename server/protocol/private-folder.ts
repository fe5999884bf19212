import { lstat, mkdir } from 'node:fs/promises';
import { WorkError } from '../foundation/errors.ts';

/**
 * Makes sure that a folder exists which only its owner, the user of this process, can enter.
 * @throws WorkError when it belongs to somebody else, is a link, or lets others in. Windows' profile folders are private by themselves.
 */
export async function ensurePrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const found = await lstat(folder);
  if (!found.isDirectory()) throw new WorkError(`${folder} is not a folder; remove it and try again`);
  const user = process.getuid?.();
  if (user === undefined) return;
  if (found.uid !== user)
    throw new WorkError(`${folder} belongs to user ${found.uid}, not to you (${user}); the daemon does not use it`);
  if ((found.mode & 0o077) !== 0)
    throw new WorkError(
      `${folder} can be entered by others (mode ${(found.mode & 0o777).toString(8)}); run: chmod 700 '${folder}'`,
    );
}
