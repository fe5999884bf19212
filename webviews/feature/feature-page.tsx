import { useCallback, useEffect, useReducer, useState } from 'preact/hooks';
import type { FeaturePanelState, FromFeaturePanel, ToFeaturePanel } from '../../server/protocol/panels/feature.ts';
import { t } from '../kit/boot.ts';
import type { Host } from '../kit/host.ts';
import { percentTick } from '../kit/figures.ts';
import { PartView, Skeleton } from '../kit/part.tsx';
import { CorpusChooser } from './corpus-chooser.tsx';
import { afterEvent, type FeatureView, nothing, strongest } from './feature-view.ts';
import { Header } from './header.tsx';
import { Histogram } from './histogram.tsx';
import { LiveBox } from './live-box.tsx';
import { Logits } from './logits.tsx';
import { Passages } from './passages.tsx';
import { SimilarFeatures } from './similar-features.tsx';
import { Steering } from './steering.tsx';

export type FeatureHost = Host<ToFeaturePanel, FromFeaturePanel, FeaturePanelState>;
type Typed = Pick<FeaturePanelState, 'prompt' | 'strength'>;

const DEBOUNCE_MILLISECONDS = 250;

export function FeaturePage({ host }: { readonly host: FeatureHost }) {
  const [view, dispatch] = useReducer(afterEvent, nothing, (empty): FeatureView => {
    return { ...empty, typed: { id: 0, text: host.remembered?.text ?? '' } };
  });
  const [typed, setTyped] = useState<Typed>(() => host.remembered ?? { prompt: '', strength: null });
  const { subject } = view;
  const { id, text } = view.typed;

  useEffect(() => {
    const stop = host.listen(dispatch);
    host.post({ type: 'ready' });
    return stop;
  }, [host]);

  useEffect(() => {
    if (subject !== null) host.remember({ dictionary: subject.dictionary, feature: subject.feature, text, ...typed });
  }, [host, subject, text, typed]);

  const read = useCallback(() => {
    host.post({ type: 'live', id, text });
  }, [host, id, text]);
  useEffect(() => {
    if (subject === null || text === '') return undefined;
    const timer = setTimeout(read, DEBOUNCE_MILLISECONDS);
    return (): void => {
      clearTimeout(timer);
    };
  }, [subject, read, text]);

  const retry = (): void => {
    dispatch({ type: 'asked', part: 'page' });
    host.post({ type: 'ready' });
  };
  if (subject === null)
    return (
      <PartView part={view.page} retry={retry} loading={<Skeleton lines={12} />}>
        {() => null}
      </PartView>
    );
  const open = (feature: number, beside: boolean): void => {
    host.post({ type: 'open', feature, beside });
  };
  return (
    <>
      <Header {...{ view, subject, host, dispatch, open }} />
      <main>
        <div class="columns">
          <div>
            <PassagesPart {...{ view, host, dispatch }} />
            <LiveBox {...{ view, dispatch, read }} maximum={strongest(view)} />
            <Steering {...{ view, host, dispatch, typed, setTyped }} maximum={strongest(view)} />
          </div>
          <div>
            {view.passages.kind === 'ready' && <Histogram page={view.passages.value} />}
            <PartView part={view.page} retry={retry} loading={<Skeleton lines={10} />}>
              {(page) => (
                <>
                  <Logits page={page} />
                  <SimilarFeatures {...{ page, open }} />
                </>
              )}
            </PartView>
          </div>
        </div>
      </main>
    </>
  );
}

interface PassagesPartProperties {
  readonly view: FeatureView;
  readonly host: FeatureHost;
  readonly dispatch: (event: Parameters<typeof afterEvent>[1]) => void;
}

function PassagesPart({ view, host, dispatch }: PassagesPartProperties) {
  const { corpus, corpora, passages } = view;
  const choose = (chosen: string | null): void => {
    dispatch({ type: 'corpus', corpus: chosen, corpora: [...corpora] });
    host.post({ type: 'corpus', corpus: chosen });
  };
  const waiting = (
    <>
      <div class="waiting">
        <p role="status">
          {t('Reading {0}… The first time, an index of the whole corpus is made, which takes a while.', corpus ?? '')}
        </p>
        {passages.kind === 'loading' && passages.share !== undefined && (
          <p>
            <progress value={passages.share} aria-label={t('Reading {0}', corpus ?? '')} />{' '}
            {percentTick(Math.floor(100 * passages.share) / 100)}
          </p>
        )}
        <button
          type="button"
          class="secondary"
          onClick={() => {
            host.post({ type: 'cancel', part: 'passages' });
          }}
        >
          {t('Cancel')}
        </button>
      </div>
      <Skeleton lines={8} />
    </>
  );
  return (
    <section aria-labelledby="passages">
      <div class="heading">
        <h2 id="passages">{t('Top passages')}</h2>
        <CorpusChooser {...{ corpora, corpus, choose }} />
      </div>
      {corpus === null && (
        <p class="quiet">
          {corpora.length === 0
            ? t('There is no corpus yet. Ingest one to see where this feature fires.')
            : t('Choose a corpus to see where this feature fires.')}
        </p>
      )}
      <PartView
        part={passages}
        loading={waiting}
        retry={() => {
          choose(corpus);
        }}
      >
        {(page) => <Passages page={page} />}
      </PartView>
    </section>
  );
}
