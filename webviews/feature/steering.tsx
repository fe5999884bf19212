import type { FeaturePanelState } from '../../server/protocol/panels/feature.ts';
import { t } from '../kit/boot.ts';
import { figure } from '../kit/figures.ts';
import { PartView, Skeleton } from '../kit/part.tsx';
import type { FeatureHost } from './feature-page.tsx';
import type { FeatureEvent, FeatureView, Steered } from './feature-view.ts';

type Typed = Pick<FeaturePanelState, 'prompt' | 'strength'>;

interface SteeringProperties {
  readonly view: FeatureView;
  readonly host: FeatureHost;
  readonly dispatch: (event: FeatureEvent) => void;
  readonly typed: Typed;
  readonly setTyped: (typed: Typed) => void;
  readonly maximum: number | null;
}

const TOKENS = 40;
/** Times the strongest activation that the slider reaches; fields of unknown strength get this many units. */
const REACH = 3;
const UNKNOWN_MAXIMUM = 10;

/** Adds the feature's direction to the residual stream and shows what the model writes with and without it. */
export function Steering({ view: { steer }, host, dispatch, typed, setTyped, maximum }: SteeringProperties) {
  const unit = maximum ?? UNKNOWN_MAXIMUM;
  const strength = typed.strength ?? unit;
  const setStrength = (value: number): void => {
    if (Number.isFinite(value)) setTyped({ ...typed, strength: Math.min(1e6, Math.max(-1e6, value)) });
  };
  const run = (): void => {
    if (typed.prompt === '') return;
    dispatch({ type: 'asked', part: 'steer' });
    host.post({ type: 'steer', strength, prompt: typed.prompt, tokens: TOKENS });
  };
  return (
    <section aria-labelledby="steering">
      <h2 id="steering">{t('Steer')}</h2>
      <p class="quiet">
        {t('Adds strength × W_dec to the residual stream at every position; strength is in units of the activation.')}
        {maximum !== null && ` ${t('Strongest in the corpus: {0}.', figure(maximum, 3))}`}
      </p>
      <form
        class="steering"
        onSubmit={(event) => {
          event.preventDefault();
          run();
        }}
      >
        <label for="strength">{t('Strength')}</label>
        <div class="slider">
          <input
            id="strength"
            type="range"
            min={-REACH * unit}
            max={REACH * unit}
            step={unit / 20}
            value={strength}
            onInput={({ currentTarget }) => {
              setStrength(currentTarget.valueAsNumber);
            }}
          />
          <input
            type="number"
            step="any"
            aria-label={t('Strength as a number')}
            value={Number(strength.toPrecision(4))}
            onChange={({ currentTarget }) => {
              setStrength(currentTarget.valueAsNumber);
            }}
          />
        </div>
        <label for="prompt">{t('Prompt')}</label>
        <textarea
          id="prompt"
          rows={2}
          maxLength={100_000}
          required
          value={typed.prompt}
          onInput={({ currentTarget }) => {
            setTyped({ ...typed, prompt: currentTarget.value });
          }}
        />
        <span class="buttons">
          <button type="submit" disabled={steer.kind === 'loading' || typed.prompt === ''}>
            {t('Continue the Prompt')}
          </button>
          {steer.kind === 'loading' && (
            <button
              type="button"
              class="secondary"
              onClick={() => {
                host.post({ type: 'cancel', part: 'steer' });
              }}
            >
              {t('Cancel')}
            </button>
          )}
        </span>
      </form>
      <PartView part={steer} loading={<Skeleton lines={3} />} retry={run}>
        {(steered) => <Continuations {...steered} />}
      </PartView>
    </section>
  );
}

function Continuations({ prompt, without, with: steered, strength, divergence, seconds }: Steered) {
  return (
    <div role="status">
      <div class="pair">
        <figure>
          <figcaption>{t('Without')}</figcaption>
          <blockquote>
            <span class="quiet">{prompt}</span>
            {without}
          </blockquote>
        </figure>
        <figure>
          <figcaption>{t('With strength {0}', figure(strength, 3))}</figcaption>
          <blockquote>
            <span class="quiet">{prompt}</span>
            {steered}
          </blockquote>
        </figure>
      </div>
      <p class="quiet">
        {t(
          'Divergence KL(without ‖ with), mean over the prompt: {0} nats; {1} s; greedy, {2} tokens',
          ...[figure(divergence, 3), figure(seconds, 2), TOKENS],
        )}
      </p>
    </div>
  );
}
