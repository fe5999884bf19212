import type { ShownFeature } from '../../server/protocol/panels/feature.ts';
import { t } from '../kit/boot.ts';

interface SimilarProperties {
  readonly page: ShownFeature;
  readonly open: (feature: number, beside: boolean) => void;
}

/** A click opens the feature here, with Ctrl or Command beside. */
export function SimilarFeatures({ page: { similar }, open }: SimilarProperties) {
  if (similar.length === 0) return null;
  return (
    <section aria-labelledby="similar">
      <h2 id="similar">{t('Similar features')}</h2>
      <p class="quiet">{t('By the cosine of their decoder rows. Ctrl+click (⌘ on a Mac) opens one beside.')}</p>
      <ul class="similar">
        {similar.map(({ feature, cosine, label }) => (
          <li key={feature}>
            <button
              type="button"
              class="link"
              onClick={(event) => {
                open(feature, event.ctrlKey || event.metaKey);
              }}
            >
              {t('Feature {0}', feature)}
              {label !== null && <span class="label-of">{label}</span>}
            </button>
            <span class="number">{cosine.toFixed(3).replace('-', '−')}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
