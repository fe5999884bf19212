import { type SemanticTokens, SemanticTokensBuilder, type SemanticTokensDelta } from 'vscode-languageserver/node';
import type { PaintedPiece } from './semantic-tokens.ts';

/** Encodes painted pieces, and remembers each document's last result so that the next one can be sent as edits of it. */
export class TokenResults {
  readonly #builders = new Map<string, SemanticTokensBuilder>();

  full(uri: string, pieces: readonly PaintedPiece[]): SemanticTokens {
    const builder = new SemanticTokensBuilder();
    this.#builders.set(uri, builder);
    pushAll(builder, pieces);
    return builder.build();
  }

  /** Edits of the result that the client has; the full result where that one is not remembered. */
  delta(uri: string, previousResultId: string, pieces: readonly PaintedPiece[]): SemanticTokens | SemanticTokensDelta {
    const builder = this.#builders.get(uri);
    if (builder === undefined) return this.full(uri, pieces);
    builder.previousResult(previousResultId);
    pushAll(builder, pieces);
    return builder.buildEdits();
  }

  /** Tokens of a range are not remembered. */
  range(pieces: readonly PaintedPiece[]): SemanticTokens {
    const builder = new SemanticTokensBuilder();
    pushAll(builder, pieces);
    return { data: builder.build().data };
  }

  forget(uri: string): void {
    this.#builders.delete(uri);
  }
}

function pushAll(builder: SemanticTokensBuilder, pieces: readonly PaintedPiece[]): void {
  for (const { line, character, length, type } of pieces) builder.push(line, character, length, type, 0);
}
