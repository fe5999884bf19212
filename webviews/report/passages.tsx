import type { ReportedHit } from '../../server/protocol/report.ts';
import { figure } from '../kit/figures.ts';

const SUMMARY_CHARACTERS = 180;

export function Seeds({ seeds }: { readonly seeds: readonly string[] }) {
  return (
    <ol class="passages">
      {seeds.map((text, index) => (
        <li key={index}>
          <Passage text={text} />
        </li>
      ))}
    </ol>
  );
}

/** What each arm found first, best first. */
export function Hits({ hits }: { readonly hits: readonly ReportedHit[] }) {
  const arms = [...new Set(hits.map(({ arm }) => arm))];
  return (
    <>
      {arms.map((arm) => (
        <section key={arm}>
          <h3>{arm}</h3>
          <ol class="passages">
            {hits
              .filter((hit) => hit.arm === arm)
              .map((hit, index) => (
                <li key={index}>
                  <p class="hit">
                    {hit.inDomain !== null && (
                      <span class={hit.inDomain ? 'inside' : 'outside'}>
                        {hit.inDomain ? '● of the domain' : '○ not of the domain'}
                      </span>
                    )}{' '}
                    score {figure(hit.score)}
                  </p>
                  <Passage text={hit.text} />
                </li>
              ))}
          </ol>
        </section>
      ))}
    </>
  );
}

/** Long passages open on demand. */
function Passage({ text }: { readonly text: string }) {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  if (line.length <= SUMMARY_CHARACTERS) return <blockquote>{line}</blockquote>;
  return (
    <details class="passage">
      <summary>{line.slice(0, line.lastIndexOf(' ', SUMMARY_CHARACTERS))} …</summary>
      <blockquote>{text}</blockquote>
    </details>
  );
}
