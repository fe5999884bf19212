import { Fragment } from 'preact';
import { useState } from 'preact/hooks';
import { paintOf } from './activation-scale.ts';
import { activationScale, t } from './boot.ts';
import { figure } from './figures.ts';
import { visible } from '../../server/text/visible.ts';

export interface ShownToken {
  readonly text: string;
  readonly activation: number;
}

interface TokensProperties {
  readonly tokens: readonly ShownToken[];
  /** Activation of the strongest paint. */
  readonly maximum: number;
  readonly label: string;
}

const STEPS: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

/** A token's leading space stays unpainted, so that paint does not hang at the end of a line. */
function spaceBefore(text: string): string {
  const space = text.length - text.trimStart().length;
  return space === text.length ? '' : text.slice(0, space);
}

/** Text painted by activation. Tokens that fire can be pointed at, or reached with the arrow keys, to read their value. */
export function PaintedTokens({ tokens, maximum, label }: TokensProperties) {
  const firing = tokens.flatMap(({ activation }, index) => (activation > 0 ? [index] : []));
  const [focused, setFocused] = useState<number | null>(null);
  const current = focused !== null && firing.includes(focused) ? focused : firing[0];
  const onKeyDown = (event: KeyboardEvent & { readonly currentTarget: HTMLElement }): void => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const places = [...event.currentTarget.querySelectorAll<HTMLElement>('.token')];
    const next = places.findIndex((place) => place === event.target) + step;
    places[Math.min(places.length - 1, Math.max(0, next))]?.focus();
  };
  return (
    <p class="tokens" role="group" aria-label={label} onKeyDown={onKeyDown}>
      {tokens.map(({ text, activation }, index) => {
        const before = spaceBefore(text);
        if (!(activation > 0)) return <Fragment key={index}>{text}</Fragment>;
        const reading = t('{0}: activation {1}', visible(text), figure(activation, 3));
        return (
          <Fragment key={index}>
            {before}
            <span
              class={`token paint-${paintOf(activation, maximum, activationScale)}`}
              role="img"
              tabIndex={index === current ? 0 : -1}
              title={reading}
              aria-label={reading}
              onFocus={() => {
                setFocused(index);
              }}
            >
              {text.slice(before.length)}
            </span>
          </Fragment>
        );
      })}
    </p>
  );
}
