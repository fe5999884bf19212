import { useState } from 'preact/hooks';
import type { ShownFeature } from '../../server/protocol/panels/feature.ts';
import { t } from '../kit/boot.ts';
import { figure, percentTick } from '../kit/figures.ts';
import { PaintLegend } from '../kit/paint-legend.tsx';
import { PaintedTokens } from '../kit/painted-tokens.tsx';
import { byQuantile, type Quantile } from './quantiles.ts';

const FIRST_PASSAGES = 4;

export function Passages({ page: { passages, corpus } }: { readonly page: ShownFeature }) {
  const maximum = passages[0]?.maximum ?? 0;
  if (passages.length === 0) return <p class="quiet">{t('It fires on no token of {0}.', corpus ?? '')}</p>;
  return (
    <>
      <PaintLegend maximum={maximum} />
      {byQuantile(passages).map((quantile) => (
        <QuantilePassages key={quantile.from} {...{ quantile, maximum }} />
      ))}
    </>
  );
}

/** A quarter's first passages; the others are a click away, so that what stands below can be reached. */
function QuantilePassages({ quantile, maximum }: { readonly quantile: Quantile; readonly maximum: number }) {
  const [all, setAll] = useState(false);
  const { from, to, passages } = quantile;
  const hidden = all ? 0 : Math.max(0, passages.length - FIRST_PASSAGES);
  return (
    <section class="quantile">
      <h3>
        {t('{0} to {1} of the strongest activation', percentTick(from), percentTick(to))}{' '}
        <span class="quiet">{passages.length === 1 ? t('(1 passage)') : t('({0} passages)', passages.length)}</span>
      </h3>
      <ol>
        {passages.slice(0, passages.length - hidden).map((passage) => (
          <li key={passage.id}>
            <PaintedTokens
              tokens={passage.tokens}
              maximum={maximum}
              label={t('Passage from {0}; arrow keys move between tokens that fire', passage.source)}
            />
            <p class="source quiet">
              {t('maximum {0}', figure(passage.maximum, 3))} · {passage.source}
            </p>
          </li>
        ))}
      </ol>
      {hidden > 0 && (
        <button
          type="button"
          class="link"
          onClick={() => {
            setAll(true);
          }}
        >
          {t('Show {0} more', hidden)}
        </button>
      )}
    </section>
  );
}
