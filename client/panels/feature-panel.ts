import * as vscode from 'vscode';
import type { FeatureResult } from '../../server/protocol/feature-pages.ts';
import * as messages from '../../server/protocol/messages.ts';
import { type FeaturePart, FromFeaturePanel, ToFeaturePanel } from '../../server/protocol/panels/feature.ts';
import { cutSegments } from '../../server/text/segments.ts';
import type { FeatureAddress } from '../bookmarks.ts';
import { sourceText } from '../passages/passage-page.ts';
import { onSettingChange, setting } from '../settings.ts';
import type { Studio } from '../studio.ts';
import { featureWords } from './feature-words.ts';
import { PartRequests } from './part-requests.ts';
import { webviewPage } from './panel-page.ts';

type Asked<Type extends FromFeaturePanel['type']> = Extract<FromFeaturePanel, { type: Type }>;

const PASSAGES = 40;
const LOGITS = 10;

/** One feature page: answers what its page asks, and follows the label, the bookmark and the corpus that it shows. */
export class FeaturePanel implements vscode.Disposable {
  readonly panel: vscode.WebviewPanel;
  readonly #studio: Studio;
  readonly #openBeside: (address: FeatureAddress) => void;
  readonly #requests: PartRequests<FeaturePart>;
  readonly #subscriptions: vscode.Disposable;
  #address: FeatureAddress;
  #corpus: string | null;
  /** The last answer without and with a corpus, for a page that was hidden and comes back. */
  #page: FeatureResult | null = null;
  #passages: FeatureResult | null = null;

  constructor(
    studio: Studio,
    panel: vscode.WebviewPanel,
    address: FeatureAddress,
    openBeside: (address: FeatureAddress) => void,
  ) {
    this.panel = panel;
    this.#studio = studio;
    this.#address = address;
    this.#openBeside = openBeside;
    this.#corpus = setting('referenceCorpus') || null;
    this.#requests = new PartRequests((part, error) => {
      studio.log.error(error instanceof Error ? error : String(error));
      this.#post({ type: 'failed', part, message: error instanceof Error ? error.message : String(error) });
    });
    this.#subscriptions = vscode.Disposable.from(
      this.#requests,
      panel.webview.onDidReceiveMessage((message: unknown) => {
        const parsed = FromFeaturePanel.safeParse(message);
        if (parsed.success) this.#hear(parsed.data);
        else studio.log.warn(`feature page: a message is dropped: ${JSON.stringify(parsed.error.issues)}`);
      }),
      studio.bookmarks.onDidChange(() => {
        this.#post({ type: 'bookmark', bookmarked: studio.bookmarks.has(this.#address) });
      }),
      onSettingChange(['referenceCorpus'], () => void this.#followSetting()),
    );
    this.#name();
    const words = featureWords();
    panel.webview.html = webviewPage(panel.webview, studio.context.extensionUri, {
      ...{ name: 'feature', title: panel.title, words },
    });
  }

  get address(): FeatureAddress {
    return this.#address;
  }

  /** Turns to another feature. */
  show(address: FeatureAddress): void {
    if (address.dictionary !== this.#address.dictionary || address.feature !== this.#address.feature) {
      this.#requests.dispose();
      this.#address = address;
      this.#page = null;
      this.#passages = null;
      this.#name();
    }
    void this.#open();
  }

  #name(): void {
    this.panel.title = vscode.l10n.t('Feature {0} · {1}', this.#address.feature, this.#address.dictionary);
  }

  #post(message: ToFeaturePanel): void {
    void this.panel.webview.postMessage(message);
  }

  #hear(message: FromFeaturePanel): void {
    switch (message.type) {
      case 'ready':
        void this.#open();
        return;
      case 'open':
        this.#turnTo(message);
        return;
      case 'label':
        void this.#label(message);
        return;
      case 'bookmark':
        void this.#studio.bookmarks.set(this.#address, message.bookmarked);
        return;
      case 'corpus':
        void this.#chooseCorpus(message.corpus);
        return;
      case 'live':
        void this.#readLive(message);
        return;
      case 'steer':
        void this.#steer(message);
        return;
      case 'cancel':
        this.#requests.end(message.part);
        this.#post({ type: 'cancelled', part: message.part });
    }
  }

  #turnTo({ feature, beside }: Asked<'open'>): void {
    const address = { ...this.#address, feature };
    if (beside) this.#openBeside(address);
    else this.show(address);
  }

  /** The cheap part first: logits and neighbours need no corpus. */
  async #open(): Promise<void> {
    const address = this.#address;
    await this.#requests.run('page', async (token) => {
      const [corpora, features] = await Promise.all([this.#corpora(token), this.#features(token)]);
      if (hasEnded(token)) return;
      const bookmarked = this.#studio.bookmarks.has(address);
      this.#post({ type: 'open', ...address, bookmarked, corpora, corpus: this.#corpus, features });
      const reading = this.#page === null ? this.#read(null, token) : Promise.resolve(this.#page);
      void this.#readPassages(reading);
      const page = await reading;
      if (hasEnded(token)) return;
      this.#page = page;
      this.#tell(page);
    });
  }

  /** @param first what is read before, for reading a corpus can keep the daemon busy; when it fails, why has been told */
  async #readPassages(first: Promise<unknown>): Promise<void> {
    const corpus = this.#corpus;
    if (corpus === null) return;
    await this.#requests.run('passages', async (token) => {
      const succeeded = await first.then(
        () => true,
        () => false,
      );
      if (!succeeded || hasEnded(token)) return;
      const known = this.#passages?.corpus === corpus ? this.#passages : null;
      const page = known ?? (await this.#read(corpus, token));
      if (hasEnded(token)) return;
      this.#passages = page;
      this.#tell(page);
    });
  }

  async #read(corpus: string | null, token: vscode.CancellationToken): Promise<FeatureResult> {
    const request = { ...this.#address, corpus, passages: corpus === null ? 0 : PASSAGES, logits: LOGITS };
    const part = corpus === null ? 'page' : 'passages';
    return this.#studio.link.request(messages.ShowFeature, request, token, (share) => {
      if (!hasEnded(token)) this.#post({ type: 'progress', part, share });
    });
  }

  #tell(page: FeatureResult): void {
    const passages = page.passages.map((passage) => ({
      ...passage,
      source: sourceText({ source: passage.source, line: null }),
    }));
    this.#post(ToFeaturePanel.parse({ type: 'feature', page: { ...page, passages } }));
  }

  async #corpora(token: vscode.CancellationToken): Promise<string[]> {
    return (await this.#studio.link.request(messages.ListCorpora, {}, token)).map(({ name }) => name);
  }

  /** Null where the dictionary cannot be read: why is told by the request for the feature itself. */
  async #features(token: vscode.CancellationToken): Promise<number | null> {
    const { dictionary } = this.#address;
    return this.#studio.link.request(messages.ShowDictionary, { name: dictionary }, token).then(
      ({ dSae }) => dSae,
      () => null,
    );
  }

  async #label({ label }: Asked<'label'>): Promise<void> {
    const address = this.#address;
    await this.#requests.run('label', async (token) => {
      await this.#studio.link.request(messages.LabelFeature, { ...address, label }, token);
      if (this.#page !== null) this.#page = { ...this.#page, label };
      if (this.#passages !== null) this.#passages = { ...this.#passages, label };
      this.#post({ type: 'label', label });
    });
  }

  async #chooseCorpus(corpus: string | null): Promise<void> {
    this.#corpus = corpus;
    this.#requests.end('passages');
    // Asked for once: the first corpus that is chosen becomes the setting, a later one is for this page.
    if (corpus !== null && setting('referenceCorpus') === '') await this.#remember(corpus);
    await this.#readPassages(Promise.resolve());
  }

  async #remember(corpus: string): Promise<void> {
    const target = vscode.workspace.workspaceFolders
      ? vscode.ConfigurationTarget.Workspace
      : vscode.ConfigurationTarget.Global;
    await vscode.workspace.getConfiguration('ssae').update('referenceCorpus', corpus, target);
  }

  /** The setting names another corpus. */
  async #followSetting(): Promise<void> {
    const corpus = setting('referenceCorpus') || null;
    if (corpus === this.#corpus) return;
    this.#corpus = corpus;
    await this.#open();
  }

  /** Read as the editor reads a document, so that a passage is painted the same there and here. */
  async #readLive({ id, text }: Asked<'live'>): Promise<void> {
    const { dictionary, feature } = this.#address;
    const cut = cutSegments(text);
    if (cut.length === 0) return;
    await this.#requests.run('live', async (token) => {
      const segments = cut.map(({ context, start, end }) => ({
        context: text.slice(context, start),
        text: text.slice(start, end),
      }));
      const measure = { kind: 'features' as const, features: [feature] };
      const read = await this.#studio.link.request(messages.ReadSegments, { dictionary, measure, segments }, token);
      if (hasEnded(token)) return;
      const answers = read.segments.map(({ spans, values }, place) => ({
        start: cut[place]?.start ?? 0,
        spans,
        values,
      }));
      this.#post({ type: 'live', id, segments: answers });
    });
  }

  async #steer({ strength, prompt, tokens }: Asked<'steer'>): Promise<void> {
    const address = this.#address;
    await this.#requests.run('steer', async (token) => {
      const steered = await this.#studio.link.request(messages.Steer, { ...address, strength, prompt, tokens }, token);
      if (hasEnded(token)) return;
      const { without, divergence, seconds } = steered;
      this.#post({ type: 'steered', strength, prompt, without, with: steered.with, divergence, seconds });
    });
  }

  dispose(): void {
    this.#subscriptions.dispose();
  }
}

/** A function, for the compiler takes a property that was false to stay so over an await. */
const hasEnded = (token: vscode.CancellationToken): boolean => token.isCancellationRequested;
