/** Numbers as people read them. JSON output never passes through here. */

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, ' ');
}

/** A count with thin groups of three: 12 345. */
export function count(value: number): string {
  return grouped(String(Math.round(value)));
}

/** Four significant digits; scientific where that would need many zeros. */
export function figure(value: number | null): string {
  if (value === null) return '–';
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return '0';
  const magnitude = Math.abs(value);
  if (magnitude < 1e-3 || magnitude >= 1e7) return value.toExponential(3);
  if (Number.isInteger(value)) return grouped(String(value));
  const decimals = Math.max(0, 3 - Math.floor(Math.log10(magnitude)));
  const [whole, fraction] = value.toFixed(decimals).split('.') as [string, string?];
  return fraction === undefined ? grouped(whole) : `${grouped(whole)}.${fraction}`;
}

export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  return `${power === 0 ? String(value) : (value / 1000 ** power).toFixed(1)} ${units[power]!}`;
}

export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(1000 * seconds)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  const rest = Math.round(seconds) % 60;
  if (minutes < 60) return `${minutes} min ${rest} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** "1 passage", "2 passages". */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`;
}
