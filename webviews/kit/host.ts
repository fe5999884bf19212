import type * as z from 'zod/mini';

interface EditorApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}
declare function acquireVsCodeApi(): EditorApi;

/** The extension behind this page. Messages of neither side are trusted: one that is not as agreed is logged and dropped. */
export class Host<To, From, State> {
  readonly #api = acquireVsCodeApi();
  readonly #to: z.ZodMiniType<To>;
  readonly #state: z.ZodMiniType<State>;

  constructor(to: z.ZodMiniType<To>, state: z.ZodMiniType<State>) {
    this.#to = to;
    this.#state = state;
  }

  post(message: From): void {
    this.#api.postMessage(message);
  }

  /** Calls back with every message, until the returned function is called. */
  listen(hear: (message: To) => void): () => void {
    const receive = ({ data }: MessageEvent<unknown>): void => {
      const parsed = this.#to.safeParse(data);
      if (parsed.success) hear(parsed.data);
      else console.warn('a message is dropped', parsed.error.issues);
    };
    addEventListener('message', receive);
    return () => {
      removeEventListener('message', receive);
    };
  }

  /** What was remembered, also by the page before a reload; null where there is nothing or an older form of it. */
  get remembered(): State | null {
    const parsed = this.#state.safeParse(this.#api.getState());
    return parsed.success ? parsed.data : null;
  }

  remember(state: State): void {
    this.#api.setState(state);
  }
}
