import { describe, expect, it } from 'vitest';
import { answered, runSteps, type Reply, type Step, type StepPlace } from './steps.ts';

interface Answers {
  readonly arm: string;
  readonly dictionary: string | null;
  readonly tokens: number;
}
type Script = Reply<string>[];

/** A user who replies from a script; `seen` notes where each question stood and what was offered. */
function scripted(script: Script) {
  const seen: string[] = [];
  const ask =
    (name: string, put: (value: string) => Partial<Answers>, offered: (answers: Answers) => unknown) =>
    (place: StepPlace, answers: Answers): Promise<Reply<Answers>> => {
      seen.push(`${name} ${place.step}/${place.of}${place.canGoBack ? ' back' : ''} ${String(offered(answers))}`);
      return Promise.resolve(answered(script.shift()!, put, answers));
    };
  const steps: Step<Answers, StepPlace>[] = [
    {
      ask: ask(
        'arm',
        (arm) => ({ arm }),
        ({ arm }) => arm,
      ),
    },
    {
      applies: ({ arm }) => arm.endsWith('tracin'),
      ask: ask(
        'dictionary',
        (dictionary) => ({ dictionary }),
        ({ dictionary }) => dictionary,
      ),
    },
    {
      ask: ask(
        'tokens',
        (tokens) => ({ tokens: Number(tokens) }),
        ({ tokens }) => tokens,
      ),
    },
  ];
  const start: Answers = { arm: 'bm25', dictionary: null, tokens: 50 };
  return { seen, run: () => runSteps(steps, start, (place) => place) };
}

const value = (text: string): Reply<string> => ({ kind: 'value', value: text });
const back: Reply<string> = { kind: 'back' };

describe('several steps', () => {
  it('are asked in order, those that do not apply left out and not counted', async () => {
    const { run, seen } = scripted([value('dense'), value('9')]);
    expect(await run()).toEqual({ arm: 'dense', dictionary: null, tokens: 9 });
    expect(seen).toEqual(['arm 1/2 bm25', 'tokens 2/2 back 50']);
  });

  it('count a step once an answer makes it apply', async () => {
    const { run, seen } = scripted([value('bm25+tracin'), value('d'), value('9')]);
    expect(await run()).toEqual({ arm: 'bm25+tracin', dictionary: 'd', tokens: 9 });
    expect(seen).toEqual(['arm 1/2 bm25', 'dictionary 2/3 back null', 'tokens 3/3 back 50']);
  });

  it('go back to the question before, offer what was answered there, and go on anew', async () => {
    const { run, seen } = scripted([value('x+tracin'), value('d'), back, back, value('dense'), value('9')]);
    expect(await run()).toEqual({ arm: 'dense', dictionary: 'd', tokens: 9 });
    expect(seen).toEqual([
      'arm 1/2 bm25',
      'dictionary 2/3 back null',
      'tokens 3/3 back 50',
      'dictionary 2/3 back d',
      'arm 1/3 x+tracin',
      'tokens 2/2 back 50',
    ]);
  });

  it('end with nothing when the user gives up', async () => {
    expect(await scripted([value('dense'), { kind: 'cancelled' }]).run()).toBe(null);
  });
});
