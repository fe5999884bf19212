import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { WorkError } from '../foundation/errors.ts';
import { readJson } from '../foundation/files.ts';

const size = z
  .int()
  .min(1)
  .max(1 << 24);

/** What config.json says under the names that the model families use. */
const ConfigFile = z.looseObject({
  architectures: z.array(z.string()).optional(),
  model_type: z.string().optional(),
  num_hidden_layers: size.optional(),
  n_layer: size.optional(),
  num_layers: size.optional(),
  hidden_size: size.optional(),
  n_embd: size.optional(),
  d_model: size.optional(),
  vocab_size: size.optional(),
  max_position_embeddings: size.optional(),
  n_positions: size.optional(),
  n_ctx: size.optional(),
  seq_length: size.optional(),
  num_attention_heads: size.optional(),
  n_head: size.optional(),
  num_heads: size.optional(),
  num_key_value_heads: size.optional(),
  head_dim: size.nullable().optional(),
});

export interface ModelConfig {
  readonly architecture: string;
  readonly layers: number;
  readonly dModel: number;
  readonly vocabulary: number;
  readonly contextLength: number;
  readonly keyValueHeads: number;
  readonly headWidth: number;
}

/** ALiBi models name no context length; what they were trained on is not in the file. */
const CONTEXT_WHEN_UNNAMED = 2048;

/** @throws WorkError naming the file and the field that is missing */
export async function readModelConfig(folder: string): Promise<ModelConfig> {
  const path = join(folder, 'config.json');
  if (!existsSync(path))
    throw new WorkError(
      `${folder} has no config.json; a model folder holds config.json, tokenizer.json and onnx/*.onnx`,
    );
  const parsed = ConfigFile.safeParse(await readJson(path));
  if (!parsed.success) throw new WorkError(`${path}: ${z.prettifyError(parsed.error)}`);
  const config = parsed.data;
  const needed = (value: number | undefined, names: string): number => {
    if (value === undefined) throw new WorkError(`${path} names none of ${names}`);
    return value;
  };
  const dModel = needed(config.hidden_size ?? config.n_embd ?? config.d_model, 'hidden_size, n_embd, d_model');
  const heads = config.num_attention_heads ?? config.n_head ?? config.num_heads ?? 1;
  return {
    architecture: config.architectures?.[0] ?? config.model_type ?? 'unknown',
    layers: needed(
      config.num_hidden_layers ?? config.n_layer ?? config.num_layers,
      'num_hidden_layers, n_layer, num_layers',
    ),
    dModel,
    vocabulary: needed(config.vocab_size, 'vocab_size'),
    contextLength:
      config.max_position_embeddings ?? config.n_positions ?? config.n_ctx ?? config.seq_length ?? CONTEXT_WHEN_UNNAMED,
    keyValueHeads: config.num_key_value_heads ?? heads,
    headWidth: config.head_dim ?? Math.floor(dModel / heads),
  };
}
