import type { ShownFeature } from '../../server/protocol/panels/feature.ts';
import { t } from '../kit/boot.ts';
import { figure, percent } from '../kit/figures.ts';
import { PaintLegend } from '../kit/paint-legend.tsx';
import { PaintedTokens } from '../kit/painted-tokens.tsx';
import { byQuantile } from './quantiles.ts';

export function Passages({ page: { passages, corpus } }: { readonly page: ShownFeature }) {
  const maximum = passages[0]?.maximum ?? 0;
  if (passages.length === 0) return <p class="quiet">{t('It fires on no token of {0}.', corpus ?? '')}</p>;
  return (
    <>
      <PaintLegend maximum={maximum} />
      {byQuantile(passages).map((quantile) => (
        <section key={quantile.from} class="quantile">
          <h3>
            {t('{0} to {1} of the strongest activation', percent(quantile.from), percent(quantile.to))}{' '}
            <span class="quiet">{t('({0} passages)', quantile.passages.length)}</span>
          </h3>
          <ol>
            {quantile.passages.map((passage) => (
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
        </section>
      ))}
    </>
  );
}
