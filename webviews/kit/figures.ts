/** Numbers as people read them. JSON knows no NaN: what was not finite arrives as null and is shown as missing. */

const MISSING = '–';
const MINUS = '−';

const grouped = (digits: string): string => digits.replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f');

/** As many significant digits as asked for; scientific where that would need many zeros. */
export function figure(value: number | null, digits = 4): string {
  if (value === null || !Number.isFinite(value)) return MISSING;
  const magnitude = Math.abs(value);
  const sign = value < 0 ? MINUS : '';
  if (magnitude === 0) return '0';
  if (magnitude < 1e-4 || magnitude >= 1e7) return sign + magnitude.toExponential(digits - 1).replace('-', MINUS);
  if (Number.isInteger(magnitude)) return sign + grouped(String(magnitude));
  const [whole, fraction] = magnitude
    .toFixed(Math.max(0, digits - 1 - Math.floor(Math.log10(magnitude))))
    .split('.') as [string, string?];
  return sign + grouped(whole) + (fraction === undefined ? '' : `.${fraction}`);
}

/** A whole number with all its digits, however large. */
export function count(value: number | null): string {
  return value === null || !Number.isFinite(value)
    ? MISSING
    : (value < 0 ? MINUS : '') + grouped(Math.abs(value).toFixed(0));
}

/** With its sign and three digits, as differences are written. */
export function difference(value: number | null): string {
  return `${value !== null && value > 0 ? '+' : ''}${figure(value, 3)}`;
}

export function percent(share: number | null): string {
  if (share === null || !Number.isFinite(share)) return MISSING;
  return `${(100 * share).toFixed(share !== 0 && Math.abs(share) < 0.1 ? 2 : 1)}\u202f%`;
}

/** Words in which no line ends between a number and its per cent sign. */
export function unbroken(words: string): string {
  return words.replace(/(\d) %/g, '$1\u202f%');
}

/** Marks along an axis are round numbers already. */
export function tick(value: number): string {
  return figure(value, 6).replace(/(\.\d*?)0+(?=$|e)/, (_, digits: string) => (digits === '.' ? '' : digits));
}

export function percentTick(share: number): string {
  return `${tick(100 * share)}\u202f%`;
}

export function interval(low: number | null, high: number | null, write: (bound: number) => string): string {
  return low === null || high === null ? MISSING : `${write(low)} to ${write(high)}`;
}
