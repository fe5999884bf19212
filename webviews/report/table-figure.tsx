import type { ComponentChildren } from 'preact';

interface TableFigureProperties {
  readonly label: string;
  readonly caption: ComponentChildren;
  readonly children: ComponentChildren;
}

/** A table that scrolls sideways where the window is narrower, under a caption that does not. */
export function TableFigure({ label, caption, children }: TableFigureProperties) {
  return (
    <figure class="table">
      <figcaption>{caption}</figcaption>
      <div class="scroll" tabIndex={0} role="region" aria-label={label}>
        <table>{children}</table>
      </div>
    </figure>
  );
}
