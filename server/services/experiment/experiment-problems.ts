import { closest } from 'fastest-levenshtein';
import type { z } from 'zod';
import { experimentJsonSchema } from '../../protocol/experiment.ts';

type JsonSchema = z.core.JSONSchema.BaseSchema;

const MAX_SHOWN = 80;
const MAX_PROBLEMS = 20;

const isSchema = (value: unknown): value is JsonSchema => value !== null && typeof value === 'object';

/** The schema and its alternatives. */
function alternatives(schema: JsonSchema): JsonSchema[] {
  const inner = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  return [schema, ...inner.filter(isSchema).flatMap(alternatives)];
}

function below(schema: JsonSchema, part: PropertyKey): JsonSchema[] {
  const { properties, additionalProperties, items } = schema;
  const inner =
    typeof part === 'number'
      ? items
      : properties !== undefined && Object.hasOwn(properties, part)
        ? properties[String(part)]
        : additionalProperties;
  return isSchema(inner) && !Array.isArray(inner) ? [inner] : [];
}

function schemasAt(path: readonly PropertyKey[]): JsonSchema[] {
  let schemas = alternatives(experimentJsonSchema());
  for (const part of path) schemas = schemas.flatMap((schema) => below(schema, part)).flatMap(alternatives);
  return schemas;
}

/** Keys that may stand at a place of the file. */
function keysAt(path: readonly PropertyKey[]): string[] {
  return [...new Set(schemasAt(path).flatMap(({ properties }) => Object.keys(properties ?? {})))];
}

/** Words that may stand at a place of the file; none where it is not one of a few. */
function wordsAt(path: readonly PropertyKey[]): string[] {
  const values = schemasAt(path).flatMap((schema) => [schema.const, ...(schema.enum ?? [])]);
  return values.filter((value) => typeof value === 'string');
}

/** `objectives[1].tau` */
function placeOf(path: readonly PropertyKey[]): string {
  const text = path.reduce<string>(
    (before, part) => (typeof part === 'number' ? `${before}[${part}]` : `${before}.${String(part)}`),
    '',
  );
  return text.replace(/^\./, '');
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) return 'missing';
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

function valueAt(file: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (at, key) => (isSchema(at) && Object.hasOwn(at, key) ? (at as Record<PropertyKey, unknown>)[key] : undefined),
    file,
  );
}

function sentenceOf(issue: z.core.$ZodIssue, file: unknown): string[] {
  const { path } = issue;
  const place = placeOf(path);
  if (issue.code === 'unrecognized_keys') {
    const valid = keysAt(path);
    return issue.keys.map(
      (key) =>
        `${placeOf([...path, key])} is no setting; expected ${place === '' ? '' : `in ${place} `}one of: ${valid.join(', ')}. Nearest: ${closest(key, valid)}`,
    );
  }
  const value = valueAt(file, path);
  if (issue.code === 'invalid_key')
    return [`${place} cannot be a name; ${issue.issues[0]?.message ?? 'expected another name'}`];
  const words = wordsAt(path);
  if (typeof value === 'string' && words.length > 0)
    return [`${place} is ${shown(value)}; expected one of: ${words.join(', ')}. Nearest: ${closest(value, words)}`];
  return [`${place === '' ? 'the file' : place} is ${shown(value)}; ${issue.message}`];
}

/** What is wrong with a file, a sentence each: the place, the value, what is expected, the nearest valid spelling. */
export function experimentProblems(error: z.ZodError, file: unknown): string {
  const problems = error.issues.flatMap((issue) => sentenceOf(issue, file));
  const more = problems.length - MAX_PROBLEMS;
  return [...problems.slice(0, MAX_PROBLEMS), ...(more > 0 ? [`and ${more} more`] : [])].join('\n  ');
}
