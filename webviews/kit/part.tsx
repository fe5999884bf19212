import type { ComponentChildren } from 'preact';
import { t } from './boot.ts';

/** A part of a page that comes from the extension. */
export type Part<Value> =
  | { readonly kind: 'none' }
  /** How much of it is done, 0 to 1; left out while unknown. */
  | { readonly kind: 'loading'; readonly share?: number }
  | { readonly kind: 'ready'; readonly value: Value }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'cancelled' };

interface PartProperties<Value> {
  readonly part: Part<Value>;
  readonly loading: ComponentChildren;
  readonly retry: () => void;
  readonly children: (value: Value) => ComponentChildren;
}

/** What a part comes to: its content, that it is loading, or why it is not there, with a button to try again. */
export function PartView<Value>({ part, loading, retry, children }: PartProperties<Value>) {
  switch (part.kind) {
    case 'none':
      return null;
    case 'loading':
      return <>{loading}</>;
    case 'ready':
      return <>{children(part.value)}</>;
    case 'failed':
      return <Failure message={part.message} retry={retry} />;
    case 'cancelled':
      return (
        <p class="quiet" role="status">
          {t('Cancelled.')} <Retry retry={retry} />
        </p>
      );
  }
}

export function Failure({ message, retry }: { readonly message: string; readonly retry: (() => void) | null }) {
  return (
    <div class="failure" role="alert">
      <p>{message}</p>
      {retry !== null && <Retry retry={retry} />}
    </div>
  );
}

function Retry({ retry }: { readonly retry: () => void }) {
  return (
    <button type="button" class="secondary" onClick={retry}>
      {t('Try Again')}
    </button>
  );
}

/** Lines that stand where text is about to be. */
export function Skeleton({ lines }: { readonly lines: number }) {
  return (
    <div class="skeleton" role="status" aria-label={t('Loading…')}>
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} aria-hidden="true" />
      ))}
    </div>
  );
}
