import { t } from '../kit/boot.ts';
import { count, percent } from '../kit/figures.ts';
import type { FeatureHost } from './feature-page.tsx';
import type { FeatureEvent, FeatureView } from './feature-view.ts';
import { LabelEditor } from './label-editor.tsx';

interface HeaderProperties {
  readonly view: FeatureView;
  readonly subject: NonNullable<FeatureView['subject']>;
  readonly host: FeatureHost;
  readonly dispatch: (event: FeatureEvent) => void;
  readonly open: (feature: number, beside: boolean) => void;
}

/** Which feature this is, what it is called, how often it fires, and the way to its neighbours. */
export function Header({ view, subject, host, dispatch, open }: HeaderProperties) {
  const { dictionary, feature, features } = subject;
  return (
    <header>
      <div class="heading">
        <h1>
          {t('Feature {0}', feature)} <span class="quiet">{dictionary}</span>
        </h1>
        <div class="buttons" role="group" aria-label={t('Move between features')}>
          <button
            type="button"
            class="secondary"
            disabled={feature === 0}
            onClick={() => {
              open(feature - 1, false);
            }}
          >
            <span aria-hidden="true">‹</span> {t('Previous')}
          </button>
          <button
            type="button"
            class="secondary"
            disabled={features !== null && feature >= features - 1}
            onClick={() => {
              open(feature + 1, false);
            }}
          >
            {t('Next')} <span aria-hidden="true">›</span>
          </button>
          <button
            type="button"
            class="secondary"
            aria-pressed={view.bookmarked}
            onClick={() => {
              host.post({ type: 'bookmark', bookmarked: !view.bookmarked });
            }}
          >
            <Star filled={view.bookmarked} /> {t('Bookmark')}
          </button>
        </div>
      </div>
      <LabelEditor {...{ view, host, dispatch }} />
      <Density passages={view.passages} />
    </header>
  );
}

/** Drawn, for not every font has one. */
function Star({ filled }: { readonly filled: boolean }) {
  return (
    <svg class="star" viewBox="0 0 24 24" aria-hidden="true">
      <path
        d="M12 2.5l2.9 6.2 6.8.8-5 4.7 1.3 6.8L12 17.6 6 21l1.3-6.8-5-4.7 6.8-.8z"
        fill={filled ? 'currentColor' : 'none'}
        stroke="currentColor"
        stroke-width="1.8"
      />
    </svg>
  );
}

function Density({ passages }: Pick<FeatureView, 'passages'>) {
  if (passages.kind !== 'ready') return null;
  const { density, tokens, corpus } = passages.value;
  if (density === null || tokens === null) return null;
  return (
    <p class="density">
      {t('Fires on {0} of tokens (n = {1} tokens of {2})', percent(density), count(tokens), corpus ?? '')}
    </p>
  );
}
