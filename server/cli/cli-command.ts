import { Argument, Command, Option, type CommanderError } from 'commander';
import { commandError } from './usage.ts';
import type { ValueType } from './values.ts';

export interface Example {
  /** What to type. */
  readonly line: string;
  readonly does: string;
}

interface OptionSettings<T> {
  readonly default?: T;
  readonly required?: boolean;
}

/** A command whose wrong calls become UsageErrors and whose help ends with examples. */
export class CliCommand extends Command {
  readonly examples: Example[] = [];

  constructor(name?: string) {
    super(name);
    this.#refuseAsUsageError()
      .helpCommand(false)
      .addHelpText('after', () => this.#examplesText());
  }

  override createCommand(name?: string): CliCommand {
    return new CliCommand(name);
  }

  override copyInheritedSettings(source: Command): this {
    super.copyInheritedSettings(source);
    return this.#refuseAsUsageError();
  }

  /** An option with one value: `--tokens <n>`. */
  takes<T>(flags: string, description: string, type: ValueType<T>, settings: OptionSettings<T> = {}): this {
    const option = typedOption<T, T>(flags, describe(description, settings), type, (value) => value);
    if (settings.default !== undefined) option.default(settings.default);
    return this.addOption(option.makeOptionMandatory(settings.required ?? false));
  }

  /** An option that may be given several times; its value is the list, empty where it is not given. */
  takesMany<T>(flags: string, description: string, type: ValueType<T>): this {
    const repeats = `${description} (may be repeated)`;
    const option = typedOption(flags, repeats, type, (value, previous: readonly T[]) => [...previous, value]);
    return this.addOption(option.default([], ''));
  }

  /** An argument with a type of its own: `<feature>`. */
  argumentOf<T>(name: string, description: string, type: ValueType<T>): this {
    const argument = new Argument(name, description);
    return this.addArgument(argument.argParser((text) => type.parse(text, argument.name())));
  }

  example(line: string, does: string): this {
    this.examples.push({ line, does });
    return this;
  }

  #refuseAsUsageError(): this {
    return this.exitOverride((error: CommanderError) => {
      throw commandError(this, error);
    });
  }

  #examplesText(): string {
    const lines = this.examples.flatMap(({ line, does }) => [`  # ${does}`, `  ${line}`]);
    return lines.length === 0 ? '' : ['', 'Examples:', ...lines].join('\n');
  }
}

function describe<T>(description: string, settings: OptionSettings<T>): string {
  return settings.required === true ? `${description} (required)` : description;
}

function typedOption<T, U>(
  flags: string,
  description: string,
  type: ValueType<T>,
  collect: (value: T, previous: U) => U,
): Option {
  const option = new Option(flags, description);
  option.argParser((text: string, previous: U) => collect(type.parse(text, option.long ?? flags), previous));
  if (type.choices !== undefined) option.argChoices = [...type.choices];
  return option;
}
