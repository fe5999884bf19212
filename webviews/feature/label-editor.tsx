import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { t } from '../kit/boot.ts';
import { Failure } from '../kit/part.tsx';
import type { FeatureHost } from './feature-page.tsx';
import type { FeatureEvent, FeatureView } from './feature-view.ts';

interface EditorProperties {
  readonly view: FeatureView;
  readonly host: FeatureHost;
  readonly dispatch: (event: FeatureEvent) => void;
}

const MAX_CHARACTERS = 10_000;

/** The label, edited in place: Enter saves, Escape leaves it as it was, and the last change can be undone. */
export function LabelEditor({ view: { label, labelling, subject, page }, host, dispatch }: EditorProperties) {
  const [draft, setDraft] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const edit = useRef<HTMLButtonElement>(null);
  const editing = draft !== null;
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, [editing]);
  useEffect(() => {
    setDraft(null);
  }, [subject]);

  const save = (text: string | null): void => {
    const trimmed = text?.trim() ?? '';
    dispatch({ type: 'asked', part: 'label' });
    host.post({ type: 'label', label: trimmed === '' ? null : trimmed });
  };
  const leave = (): void => {
    setDraft(null);
    requestAnimationFrame(() => edit.current?.focus());
  };
  if (page.kind !== 'ready') return null;
  return (
    <div class="label">
      {draft === null ? (
        <p class="label-text">
          {label.text === null ? <em class="quiet">{t('No label')}</em> : <strong>{label.text}</strong>}
          <span class="buttons">
            <button
              ref={edit}
              type="button"
              class="secondary"
              onClick={() => {
                setDraft(label.text ?? '');
              }}
            >
              {label.text === null ? t('Add Label') : t('Edit Label')}
            </button>
            {label.before !== undefined && labelling.kind !== 'loading' && (
              <button
                type="button"
                class="secondary"
                onClick={() => {
                  save(label.before ?? null);
                }}
              >
                {t('Undo')}
              </button>
            )}
          </span>
          <span class="quiet" role="status">
            {labelling.kind === 'loading' && t('Saving…')}
            {labelling.kind === 'none' && label.before !== undefined && t('Saved.')}
          </span>
        </p>
      ) : (
        <form
          class="label-form"
          onSubmit={(event) => {
            event.preventDefault();
            save(draft);
            leave();
          }}
        >
          <input
            ref={field}
            type="text"
            aria-label={t('Label of this feature')}
            maxLength={MAX_CHARACTERS}
            value={draft}
            onInput={({ currentTarget }) => {
              setDraft(currentTarget.value);
            }}
            onKeyDown={(event) => {
              if (event.key === 'Escape') leave();
            }}
          />
          <span class="buttons">
            <button type="submit">{t('Save')}</button>
            <button type="button" class="secondary" onClick={leave}>
              {t('Cancel')}
            </button>
          </span>
        </form>
      )}
      {labelling.kind === 'failed' && <Failure message={labelling.message} retry={null} />}
    </div>
  );
}
