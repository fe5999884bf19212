import { MAX_LIVE_TEXT } from '../../server/protocol/panels/feature.ts';
import { t } from '../kit/boot.ts';
import { figure } from '../kit/figures.ts';
import { PaintedTokens } from '../kit/painted-tokens.tsx';
import { PartView } from '../kit/part.tsx';
import type { FeatureEvent, FeatureView } from './feature-view.ts';

interface LiveProperties {
  readonly view: FeatureView;
  readonly dispatch: (event: FeatureEvent) => void;
  readonly read: () => void;
  /** Activation of the strongest paint; null takes the text's own. */
  readonly maximum: number | null;
}

/** One's own text, painted by this feature while it is typed. */
export function LiveBox({ view: { live, typed }, dispatch, read, maximum }: LiveProperties) {
  return (
    <section aria-labelledby="live">
      <h2 id="live">{t('Try your own text')}</h2>
      <textarea
        rows={3}
        aria-labelledby="live"
        maxLength={MAX_LIVE_TEXT}
        placeholder={t('Type or paste text to see where this feature fires on it')}
        value={typed.text}
        onInput={({ currentTarget }) => {
          dispatch({ type: 'typed', text: currentTarget.value });
        }}
      />
      <PartView part={live} loading={null} retry={read}>
        {({ tokens }) => {
          const strongest = tokens.reduce((most, { activation }) => Math.max(most, activation), 0);
          return (
            <>
              <p class="quiet" role="status">
                {strongest > 0 ? t('Strongest: {0}', figure(strongest, 3)) : t('It does not fire on this text.')}
              </p>
              <PaintedTokens
                tokens={tokens}
                maximum={Math.max(strongest, maximum ?? 0)}
                label={t('Your text; arrow keys move between tokens that fire')}
              />
            </>
          );
        }}
      </PartView>
    </section>
  );
}
