import type { ShownFeature } from '../../server/protocol/panels/feature.ts';
import { t } from '../kit/boot.ts';
import { count as whole, figure, percent } from '../kit/figures.ts';

const HEIGHT = 96;
const BAR = 22;
const GAP = 2;

/** Tokens by activation: a bar an octave, its height the logarithm of its count, so that the few strong ones are seen. */
export function Histogram({ page: { histogram, tokens } }: { readonly page: ShownFeature }) {
  const firing = histogram.reduce((sum, { count }) => sum + count, 0);
  if (firing === 0) return null;
  const most = Math.max(...histogram.map(({ count }) => count));
  const width = histogram.length * (BAR + GAP);
  const height = (count: number): number =>
    count === 0 ? 0 : 3 + (HEIGHT - 3) * (Math.log1p(count) / Math.log1p(most));
  const [first, last] = [histogram[0]!, histogram.at(-1)!];
  return (
    <section aria-labelledby="histogram">
      <h2 id="histogram">{t('Activations')}</h2>
      <p class="quiet">
        {firing === 1
          ? t('The one token on which it fires.')
          : t('{0} tokens on which it fires, by activation in octaves; heights are logarithmic.', whole(firing))}
      </p>
      <svg
        class="histogram"
        viewBox={`0 0 ${width} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={t(
          'Histogram of {0} tokens from {1} to {2}; the numbers follow as a table.',
          ...[whole(firing), figure(first.from, 3), figure(2 * last.from, 3)],
        )}
      >
        {histogram.map(({ from, count }, place) => (
          <g key={from}>
            <title>{t('{0} to {1}: {2} tokens', figure(from, 3), figure(2 * from, 3), whole(count))}</title>
            <rect class="ground" x={place * (BAR + GAP)} y="0" width={BAR} height={HEIGHT} />
            <rect class="bar" x={place * (BAR + GAP)} y={HEIGHT - height(count)} width={BAR} height={height(count)} />
          </g>
        ))}
      </svg>
      <p class="axis quiet" aria-hidden="true">
        <span>{figure(first.from, 3)}</span>
        <span>{figure(2 * last.from, 3)}</span>
      </p>
      <details>
        <summary>{t('Numbers as a table')}</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">{t('Activation')}</th>
              <th scope="col" class="number">
                {t('Tokens')}
              </th>
              <th scope="col" class="number">
                {t('Share of all tokens')}
              </th>
            </tr>
          </thead>
          <tbody>
            {histogram.map(({ from, count }) => (
              <tr key={from}>
                <th scope="row">{t('{0} to {1}', figure(from, 3), figure(2 * from, 3))}</th>
                <td class="number">{whole(count)}</td>
                <td class="number">{percent(tokens === null ? null : count / tokens)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </section>
  );
}
