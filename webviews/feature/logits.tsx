import type { ShownFeature } from '../../server/protocol/panels/feature.ts';
import { t } from '../kit/boot.ts';
import { figure } from '../kit/figures.ts';
import { visible } from '../../server/text/visible.ts';

export function Logits({ page: { topLogits, bottomLogits } }: { readonly page: ShownFeature }) {
  if (topLogits.length + bottomLogits.length === 0) return null;
  const greatest = Math.max(...[...topLogits, ...bottomLogits].map(({ effect }) => Math.abs(effect)));
  return (
    <section aria-labelledby="logits">
      <h2 id="logits">{t('Logits')}</h2>
      <p class="quiet">{t('W_dec · W_U: what one unit of the feature adds to each word’s logit.')}</p>
      <div class="pair">
        <Effects title={t('Raised most')} logits={topLogits} greatest={greatest} />
        <Effects title={t('Lowered most')} logits={bottomLogits} greatest={greatest} />
      </div>
    </section>
  );
}

interface EffectsProperties {
  readonly title: string;
  readonly logits: ShownFeature['topLogits'];
  readonly greatest: number;
}

function Effects({ title, logits, greatest }: EffectsProperties) {
  return (
    <table class="effects">
      <caption>{title}</caption>
      <thead class="unseen">
        <tr>
          <th scope="col">{t('Token')}</th>
          <th scope="col">{t('Effect')}</th>
        </tr>
      </thead>
      <tbody>
        {logits.map(({ token, effect }, place) => (
          <tr key={place}>
            <th scope="row">
              <code>{visible(token)}</code>
            </th>
            <td class="number">
              <svg class="effect" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                <rect
                  class={effect < 0 ? 'bar lowered' : 'bar'}
                  x={effect < 0 ? 100 - (100 * -effect) / greatest : 0}
                  y="0"
                  width={(100 * Math.abs(effect)) / greatest}
                  height="10"
                />
              </svg>
              {effect > 0 ? '+' : ''}
              {figure(effect, 3)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
