/** Seconds as people read them: "45 s", "12 min", "3 h 05 min"; a dash while unknown. */
export function duration(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return '–';
  if (seconds < 60) return `${Math.ceil(seconds)}\u202fs`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes}\u202fmin`;
  return `${Math.floor(minutes / 60)}\u202fh ${String(minutes % 60).padStart(2, '0')}\u202fmin`;
}
