import { Fragment } from 'preact';
import { useState } from 'preact/hooks';
import type { PaintedToken, ReportedPassage } from '../../server/protocol/report.ts';
import { visible } from '../../server/text/visible.ts';
import { figure } from '../kit/figures.ts';

/** Steps of paint; 0 is none. Their colours are `.paint-1` to `.paint-6` in report.css. */
const PAINTS = 6;

/** Every activation is seen, however weak: even steps from just above 0 to the strongest. */
const paintOf = ({ intensity }: PaintedToken): number =>
  intensity > 0 ? Math.min(PAINTS, Math.ceil(intensity * PAINTS)) : 0;

/** A token's leading space stays unpainted, so that paint does not hang at the end of a line. */
function spaceBefore(text: string): string {
  const space = text.length - text.trimStart().length;
  return space === text.length ? '' : text.slice(0, space);
}

/** One passage as every dictionary reads it; the token under the pointer or the keyboard is read out for all of them. */
export function PaintedPassage({ passage }: { readonly passage: ReportedPassage }) {
  const [chosen, setChosen] = useState<number | null>(null);
  return (
    <>
      <p>{passage.description}</p>
      <PaintLegend readings={passage.readings} />
      <div class="readings">
        {passage.readings.map((reading) => (
          <Reading key={reading.name} {...reading} chosen={chosen} choose={setChosen} />
        ))}
      </div>
      <Readout readings={passage.readings} chosen={chosen} />
      <TokenTable passage={passage} />
    </>
  );
}

function PaintLegend({ readings }: Pick<ReportedPassage, 'readings'>) {
  const strongest = Math.max(0, ...readings.flatMap(({ tokens }) => tokens.map(({ activation }) => activation)));
  return (
    <p class="paint-legend">
      not active{' '}
      {Array.from({ length: PAINTS }, (_, paint) => (
        <span key={paint} class={`step paint-${paint + 1}`} aria-hidden="true">
          {'\u2002'}
        </span>
      ))}{' '}
      strongest activation: {figure(strongest)}
    </p>
  );
}

type ReadingProperties = ReportedPassage['readings'][number] & {
  readonly chosen: number | null;
  readonly choose: (index: number | null) => void;
};

const STEPS: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

function Reading({ name, tokens, chosen, choose }: ReadingProperties) {
  const current = Math.min(chosen ?? 0, tokens.length - 1);
  const onKeyDown = (event: KeyboardEvent & { readonly currentTarget: HTMLElement }): void => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const places = [...event.currentTarget.querySelectorAll<HTMLElement>('.token')];
    const next = places.findIndex((place) => place === event.target) + step;
    places[Math.min(places.length - 1, Math.max(0, next))]?.focus();
  };
  return (
    <section class="reading">
      <h3>{name}</h3>
      <p
        class="tokens"
        role="group"
        aria-label={`The passage as ${name} reads it; arrow keys move from token to token`}
        onKeyDown={onKeyDown}
      >
        {tokens.map((token, index) => (
          <Fragment key={index}>
            {spaceBefore(token.text)}
            <span
              class={`token paint-${paintOf(token)}${index === chosen ? ' chosen' : ''}`}
              tabIndex={index === current ? 0 : -1}
              onMouseEnter={() => {
                choose(index);
              }}
              onFocus={() => {
                choose(index);
              }}
            >
              {token.text.slice(spaceBefore(token.text).length)}
            </span>
          </Fragment>
        ))}
      </p>
    </section>
  );
}

function Readout({ readings, chosen }: Pick<ReportedPassage, 'readings'> & { readonly chosen: number | null }) {
  const token = chosen === null ? undefined : readings[0]?.tokens[chosen];
  return (
    <div class="readout" role="status">
      {token === undefined ? (
        <p>Point at a token, or move to one with the arrow keys, to read its activations.</p>
      ) : (
        <>
          <p>
            Token {figure(chosen! + 1)}: <code>{visible(token.text)}</code>
          </p>
          <ul>
            {readings.map(({ name, tokens }) => (
              <li key={name}>
                {name}: {tokens[chosen!] === undefined ? 'no such token' : described(tokens[chosen!]!)}
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

function described({ activation, features }: PaintedToken): string {
  const strongest = features.map(({ feature, activation: strength }) => `feature ${feature} (${figure(strength)})`);
  return `${figure(activation)}${strongest.length === 0 ? '' : `; ${strongest.join(', ')}`}`;
}

function TokenTable({ passage: { readings } }: { readonly passage: ReportedPassage }) {
  return (
    <details class="numbers">
      <summary>Activations as a table</summary>
      <div class="scroll" tabIndex={0} role="region" aria-label="Activations of the passage">
        <table>
          <thead>
            <tr>
              <th scope="col">Token</th>
              {readings.map(({ name }) => (
                <th scope="col" key={name}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {(readings[0]?.tokens ?? []).map((token, index) => (
              <tr key={index}>
                <th scope="row">
                  <code>{visible(token.text)}</code>
                </th>
                {readings.map(({ name, tokens }) => (
                  <td key={name}>{tokens[index] === undefined ? '–' : described(tokens[index])}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
