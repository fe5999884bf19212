/**
 * uPlot asks for numbers in navigator.language while it loads. A browser under a POSIX locale calls that "en-US@posix", which Intl
 * refuses, and then no page at all is drawn. To be imported first.
 */
try {
  Intl.getCanonicalLocales(navigator.language);
} catch {
  Object.defineProperty(navigator, 'language', { value: 'en', configurable: true });
}
