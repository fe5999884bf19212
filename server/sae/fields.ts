/** JSON objects that someone else wrote, read without trust: `cfg.json` and its like. */
import { open } from 'node:fs/promises';
import { messageOf, WorkError } from '../foundation/errors.ts';

const MAX_CONFIG_BYTES = 16 * 1024 * 1024;

export type Fields = Readonly<Record<string, unknown>>;

/** Bytes of a small text file. @throws WorkError when it is missing, empty, too large or not UTF-8. */
async function readText(path: string): Promise<string> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw new WorkError(
      `could not open ${path}: ${messageOf(error)}. A SAELens dictionary is a folder that holds it.`,
      {
        cause: error,
      },
    );
  });
  try {
    const { size } = await file.stat();
    if (size === 0) throw new WorkError(`${path} is empty`);
    if (size > MAX_CONFIG_BYTES) throw new WorkError(`${path} has ${size} bytes; a configuration has a few hundred`);
    return new TextDecoder('utf-8', { fatal: true }).decode(await file.readFile());
  } catch (error) {
    if (error instanceof WorkError) throw error;
    throw new WorkError(`${path} is not UTF-8 text: ${messageOf(error)}`, { cause: error });
  } finally {
    await file.close();
  }
}

/** Python's json module writes NaN and Infinity, which JSON does not have; they are read as null. */
function parsePythonJson(path: string, text: string): unknown {
  const standard = text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\bInfinity\b|\bNaN\b/gs, (match) =>
    match.startsWith('"') ? match : 'null',
  );
  try {
    return JSON.parse(standard) as unknown;
  } catch (error) {
    throw new WorkError(`${path} is not valid JSON: ${messageOf(error)}`, { cause: error });
  }
}

/** A JSON object file. Keys are only ever looked up as own properties. */
export async function readFields(path: string): Promise<Fields> {
  const parsed = parsePythonJson(path, await readText(path));
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed))
    throw new WorkError(`${path} is not a configuration: it holds ${Array.isArray(parsed) ? 'a list' : 'no object'}`);
  return parsed as Fields;
}

/** Keys are only ever looked up as own properties. */
export const own = (fields: Fields, key: string): unknown => (Object.hasOwn(fields, key) ? fields[key] : undefined);
export const fieldsOf = (value: unknown): Fields =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Fields) : {};
export const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);
export const shown = (value: unknown): string => (value === undefined ? 'missing' : JSON.stringify(value).slice(0, 80));
