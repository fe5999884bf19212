import { t } from '../kit/boot.ts';

interface ChooserProperties {
  readonly corpora: readonly string[];
  readonly corpus: string | null;
  readonly choose: (corpus: string | null) => void;
}

export function CorpusChooser({ corpora, corpus, choose }: ChooserProperties) {
  const names = corpus === null || corpora.includes(corpus) ? corpora : [corpus, ...corpora];
  return (
    <label class="chooser">
      {t('Corpus')}
      <select
        value={corpus ?? ''}
        onChange={({ currentTarget }) => {
          choose(currentTarget.value === '' ? null : currentTarget.value);
        }}
      >
        <option value="">{t('None')}</option>
        {names.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
