import { PAINTS } from './activation-scale.ts';
import { activationScale, t } from './boot.ts';
import { figure } from './figures.ts';

export function PaintLegend({ maximum }: { readonly maximum: number }) {
  return (
    <p class="paint-legend quiet">
      {t('not active')}{' '}
      {Array.from({ length: PAINTS }, (_, paint) => (
        <span key={paint} class={`step paint-${paint + 1}`} aria-hidden="true">
          {'\u2002'}
        </span>
      ))}{' '}
      {figure(maximum, 3)} ({activationScale === 'log' ? t('logarithmic') : t('linear')})
    </p>
  );
}
