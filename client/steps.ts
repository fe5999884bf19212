/** Where a step stands among those that are asked. */
export interface StepPlace {
  /** 1-based. */
  readonly step: number;
  readonly of: number;
  readonly canGoBack: boolean;
}

export type Reply<Value> =
  { readonly kind: 'value'; readonly value: Value } | { readonly kind: 'back' } | { readonly kind: 'cancelled' };

/** One question of several. `Answers` hold what was answered so far, defaults included. */
export interface Step<Answers, Ui> {
  /** Whether the question is asked at all, by the answers before it; always where it is left out. */
  readonly applies?: (answers: Answers) => boolean;
  readonly ask: (ui: Ui, answers: Answers) => Promise<Reply<Answers>>;
}

/** A reply's value put into the answers. */
export function answered<Answers, Value>(
  reply: Reply<Value>,
  put: (value: Value) => Partial<Answers>,
  answers: Answers,
): Reply<Answers> {
  return reply.kind === 'value' ? { kind: 'value', value: { ...answers, ...put(reply.value) } } : reply;
}

/**
 * Asks step by step. Back returns to the question before with the answers as they were then given, so that its own answer is offered
 * again.
 * @param uiAt makes what a step asks with
 * @returns null where the user gave up
 */
export async function runSteps<Answers, Ui>(
  steps: readonly Step<Answers, Ui>[],
  start: Answers,
  uiAt: (place: StepPlace) => Ui,
): Promise<Answers | null> {
  const applying = (answers: Answers): number[] =>
    [...steps.keys()].filter((index) => steps[index]!.applies?.(answers) ?? true);
  const asked: number[] = [];
  let answers = start;
  for (;;) {
    const next = applying(answers).find((index) => index > (asked.at(-1) ?? -1));
    if (next === undefined) return answers;
    const of = applying(answers);
    const place = { step: of.indexOf(next) + 1, of: of.length, canGoBack: asked.length > 0 };
    const reply = await steps[next]!.ask(uiAt(place), answers);
    if (reply.kind === 'cancelled') return null;
    // Whoever goes back is asked the last question again, not the one that was open.
    if (reply.kind === 'back') asked.pop();
    else {
      asked.push(next);
      answers = reply.value;
    }
  }
}
