/** What clients send, checked: wrong parameters are answered with InvalidParams and never reach the work. */
import { ErrorCodes, ResponseError } from 'vscode-languageserver/node';
import { z } from 'zod';

const Uri = z.string().min(1).max(65_536);
const Place = z.int().min(0);
const Position = z.object({ line: Place, character: Place });
const Range = z.object({ start: Position, end: Position });
const Document = z.object({ uri: Uri });

export const OfDocument = z.object({ textDocument: Document });
export const AtPosition = OfDocument.extend({ position: Position });
export const InRange = OfDocument.extend({ range: Range });
export const SinceResult = OfDocument.extend({ previousResultId: z.string().max(1000) });
export const ForActions = InRange.extend({
  context: z.object({ only: z.array(z.string().max(1000)).max(1000).nullish() }).prefault({}),
});
export const ToExecute = z.object({
  command: z.string().max(1000),
  arguments: z.array(z.unknown()).max(1000).nullish(),
});

/** A lens as it comes back to be resolved. */
export const Lens = z.object({ range: Range, data: z.unknown() });

/** Arguments of commands: the first is an object. */
export const AddSeedsArguments = z.union([
  z.object({ name: z.string().min(1).max(4096), uri: Uri, range: Range }),
  z.object({ name: z.string().min(1).max(4096), text: z.string().min(1) }),
]);
export const UseDictionaryArguments = z.object({ dictionary: z.string().min(1).max(4096) });
export const UseMeasureArguments = z.object({ measure: z.unknown() });
export const FeatureArguments = z.object({ feature: z.int().min(0) });
export const LabelArguments = FeatureArguments.extend({ label: z.string().trim().min(1).max(10_000).nullable() });
export const SearchArguments = z.object({
  query: z.string().max(10_000),
  limit: z.int().min(1).max(1000).default(50),
});

/** @throws ResponseError InvalidParams with the path of what is wrong */
export function checked<T>(schema: z.ZodType<T>, params: unknown): T {
  const parsed = schema.safeParse(params);
  if (parsed.success) return parsed.data;
  const reasons = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'parameters'}: ${message}`);
  throw new ResponseError(ErrorCodes.InvalidParams, reasons.join('; '));
}
