import { z } from 'zod';
import { unknownName } from '../foundation/errors.ts';

const name = z.string().trim().min(1).max(4096);
const feature = z.int().min(0);

/** By what tokens are painted. `difference` compares with `baseline`; a list of features paints these alone. */
const PaintedBy = z.union([
  z.enum(['rare', 'strongest', 'error', 'difference']),
  z.object({ features: z.array(feature).min(1).max(4096) }),
]);
export type PaintedBy = z.infer<typeof PaintedBy>;

/** The settings below `ssae.`, named as in VS Code where both have them. */
const SCHEMA = {
  dictionary: name.default('builtin-gsae'),
  baseline: z.string().trim().max(4096).nullable().default(null),
  measure: PaintedBy.default('rare'),
  'rare.maximumDensity': z.number().gt(0).max(1).default(0.001),
  hidden: z.array(feature).max(4096).default([]),
  semanticTokens: z.boolean().default(true),
  inlayHints: z.boolean().default(true),
  codeLens: z.boolean().default(true),
  'hover.features': z.int().min(1).max(50).default(8),
  'textField.names': z
    .array(z.string().min(1).max(200))
    .max(100)
    .default(['text', 'abstract', 'content', 'body', 'sentence', 'comment', 'tweet']),
  /** The seed set that a selection is offered for while there is none. */
  seedSet: name.default('seeds'),
} as const;
export type Settings = { readonly [Key in keyof typeof SCHEMA]: z.infer<(typeof SCHEMA)[Key]> };

const All = z.object(SCHEMA);
export const DEFAULT_SETTINGS: Settings = All.parse({});

const KEYS = Object.keys(SCHEMA) as (keyof Settings)[];
/** Names of the same settings in VS Code. */
const ALIASES: Readonly<Record<string, keyof Settings>> = { 'codeLens.enabled': 'codeLens' };
const MAX_KEYS = 200;

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `{rare: {maximumDensity: 1}}` and `{"rare.maximumDensity": 1}` are the same, with or without `ssae` around them. */
function flatten(given: Readonly<Record<string, unknown>>, prefix = ''): [string, unknown][] {
  return Object.entries(given)
    .slice(0, MAX_KEYS)
    .flatMap(([key, value]) => {
      const path = `${prefix}${key}`.replace(/^ssae\./, '');
      const isGroup = isRecord(value) && path !== 'measure';
      if (path === 'ssae' && isGroup) return flatten(value);
      return isGroup && prefix === '' ? flatten(value, `${path}.`) : [[path, value] as [string, unknown]];
    });
}

/**
 * Settings as a client sent them, over those that hold already.
 * @returns the settings, and for each that cannot be used why; those keep their value.
 */
export function changeSettings(
  now: Settings,
  given: unknown,
): { readonly settings: Settings; readonly complaints: readonly string[] } {
  if (given === null || given === undefined) return { settings: now, complaints: [] };
  if (!isRecord(given)) return { settings: now, complaints: ['the settings are no object; expected {"ssae": {…}}'] };
  const changed: Record<string, unknown> = { ...now };
  const complaints: string[] = [];
  for (const [path, value] of flatten(given)) {
    const key = ALIASES[path] ?? path;
    if (!isKey(key))
      complaints.push(
        unknownName(
          'the setting',
          `ssae.${path}`,
          KEYS.map((each) => `ssae.${each}`),
        ).message,
      );
    // An editor sends null for what is not set.
    else if (value === null) changed[key] = DEFAULT_SETTINGS[key];
    else {
      const parsed = SCHEMA[key].safeParse(value);
      if (parsed.success) changed[key] = parsed.data;
      else complaints.push(`the setting ssae.${key} is ${shown(value)}: ${reasonOf(parsed.error)}; it is not changed`);
    }
  }
  return { settings: All.parse(changed), complaints };
}

function isKey(key: string): key is keyof Settings {
  return Object.hasOwn(SCHEMA, key);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}

function reasonOf(error: z.ZodError): string {
  return error.issues.map(({ message }) => message).join(', ');
}
