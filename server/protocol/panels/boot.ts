/** What the extension writes into a panel's page for its script to begin with. */
import * as z from 'zod/mini';

/** Id of the element whose text is the JSON of {@link Boot}. */
export const BOOT_ELEMENT = 'boot';

export const Boot = z.object({
  /** The page's words by their English form, which also stands in where one is missing; `{0}` is the first argument. */
  words: z.record(z.string(), z.string()),
  /** How activations become colours. */
  scale: z.enum(['log', 'linear']),
});
export type Boot = z.infer<typeof Boot>;

/** Puts arguments into translated words: `{0}`, `{1}`, … */
export function fillIn(words: string, values: readonly (string | number)[]): string {
  return words.replaceAll(/\{(\d)\}/g, (place, index: string) => String(values[Number(index)] ?? place));
}
