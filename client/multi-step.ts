import * as vscode from 'vscode';
import { runSteps, type Reply, type Step, type StepPlace } from './steps.ts';

/** An entry of a list and what it stands for. */
export interface Choice<Value> extends vscode.QuickPickItem {
  readonly value: Value;
}

export interface Pick<Value> {
  readonly placeholder: string;
  readonly choices: readonly Choice<Value>[] | Promise<readonly Choice<Value>[]>;
  /** Which entry is offered first. */
  readonly isCurrent?: (value: Value) => boolean;
  /** Makes an entry of what was typed, where that may be an answer too. */
  readonly typed?: (text: string) => Choice<Value> | null;
}

/** What one step asks with: a list or a line of text, with its place among the steps and a way back. */
export class Prompt {
  readonly #title: string;
  readonly #place: StepPlace;

  constructor(title: string, place: StepPlace) {
    this.#title = title;
    this.#place = place;
  }

  async pick<Value>({ placeholder, choices, isCurrent, typed }: Pick<Value>): Promise<Reply<Value>> {
    const list = this.#prepare(vscode.window.createQuickPick<Choice<Value>>());
    list.placeholder = placeholder;
    list.matchOnDescription = true;
    return this.#show(list, choices, (known) => {
      list.items = known;
      const current = known.find(({ value }) => isCurrent?.(value) === true);
      // Without one the first entry is active; an empty list of them would leave Enter without effect.
      if (current !== undefined) list.activeItems = [current];
      list.onDidChangeValue((text) => {
        const made = text.trim() === '' ? null : (typed?.(text.trim()) ?? null);
        list.items = made === null ? known : [made, ...known];
      });
      return () => list.activeItems[0]?.value;
    });
  }

  /** Any number of entries; those of `chosen` are ticked at first. */
  async pickMany<Value>(
    placeholder: string,
    choices: Pick<Value>['choices'],
    chosen: (value: Value) => boolean,
  ): Promise<Reply<readonly Value[]>> {
    const list = this.#prepare(vscode.window.createQuickPick<Choice<Value>>());
    list.placeholder = placeholder;
    list.canSelectMany = true;
    return this.#show(list, choices, (known) => {
      list.items = known;
      list.selectedItems = known.filter(({ value }) => chosen(value));
      return () => list.selectedItems.map(({ value }) => value);
    });
  }

  /**
   * @param prompt the question, which may tell what the text so far comes to
   * @param check what is wrong with a text; null where nothing is
   */
  async input(
    prompt: string | ((text: string) => string),
    value: string,
    check: (text: string) => string | null,
  ): Promise<Reply<string>> {
    const box = this.#prepare(vscode.window.createInputBox());
    const promptFor = (text: string): string => (typeof prompt === 'string' ? prompt : prompt(text));
    box.prompt = promptFor(value);
    box.value = value;
    box.valueSelection = [0, value.length];
    box.onDidChangeValue((text) => {
      const wrong = check(text.trim());
      box.validationMessage = wrong ?? undefined;
      if (wrong === null) box.prompt = promptFor(text.trim());
    });
    return this.#show(box, [], () => () => {
      const wrong = check(box.value.trim());
      box.validationMessage = wrong ?? undefined;
      return wrong === null ? box.value.trim() : undefined;
    });
  }

  #prepare<Ui extends vscode.QuickPick<vscode.QuickPickItem> | vscode.InputBox>(ui: Ui): Ui {
    ui.title = this.#title;
    ui.step = this.#place.step;
    ui.totalSteps = this.#place.of;
    ui.ignoreFocusOut = true;
    ui.buttons = this.#place.canGoBack ? [vscode.QuickInputButtons.Back] : [];
    return ui;
  }

  /** @param fill shows the choices once they are there, and tells what is answered; undefined while that is nothing */
  #show<Item, Value>(
    ui: vscode.QuickPick<Choice<unknown>> | vscode.InputBox,
    choices: readonly Item[] | Promise<readonly Item[]>,
    fill: (choices: readonly Item[]) => () => Value | undefined,
  ): Promise<Reply<Value>> {
    return new Promise<Reply<Value>>((settle, fail) => {
      let answer: () => Value | undefined = () => undefined;
      const end = (reply: Reply<Value>): void => {
        settle(reply);
        ui.dispose();
      };
      ui.onDidAccept(() => {
        const value = answer();
        if (value !== undefined) end({ kind: 'value', value });
      });
      ui.onDidTriggerButton(() => {
        end({ kind: 'back' });
      });
      ui.onDidHide(() => {
        end({ kind: 'cancelled' });
      });
      ui.busy = true;
      ui.show();
      Promise.resolve(choices).then(
        (known) => {
          ui.busy = false;
          answer = fill(known);
        },
        (error: unknown) => {
          fail(error instanceof Error ? error : new Error(String(error)));
          ui.dispose();
        },
      );
    });
  }
}

/** Asks the steps one after the other under a title. @returns null where the user gave up */
export function askSteps<Answers>(
  title: string,
  steps: readonly Step<Answers, Prompt>[],
  start: Answers,
): Promise<Answers | null> {
  return runSteps(steps, start, (place) => new Prompt(title, place));
}
