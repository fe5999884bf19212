import { describe, expect, it } from 'vitest';
import { changeSettings, DEFAULT_SETTINGS } from './settings.ts';

describe('settings', () => {
  it('are taken nested, dotted, and with or without "ssae" around them', () => {
    for (const given of [
      { ssae: { rare: { maximumDensity: 0.5 }, inlayHints: false } },
      { 'ssae.rare.maximumDensity': 0.5, 'ssae.inlayHints': false },
      { rare: { maximumDensity: 0.5 }, inlayHints: false },
      { ssae: { 'rare.maximumDensity': 0.5, inlayHints: false } },
    ])
      expect(changeSettings(DEFAULT_SETTINGS, given)).toEqual({
        settings: { ...DEFAULT_SETTINGS, 'rare.maximumDensity': 0.5, inlayHints: false },
        complaints: [],
      });
  });

  it('keep their value where the given one cannot be used, and say why', () => {
    const { settings, complaints } = changeSettings(DEFAULT_SETTINGS, {
      ssae: { dictionary: 5, inlayHint: true, hover: { features: 3 }, measure: { features: [1, 2] } },
    });
    expect(settings).toEqual({ ...DEFAULT_SETTINGS, 'hover.features': 3, measure: { features: [1, 2] } });
    expect(complaints).toHaveLength(2);
    expect(complaints[0]).toMatch(/ssae\.dictionary is 5: .*string/);
    expect(complaints[1]).toContain('Nearest: ssae.inlayHints');
  });

  it('go back to their default with null, and take the name that VS Code has', () => {
    const off = changeSettings(DEFAULT_SETTINGS, { ssae: { codeLens: { enabled: false } } }).settings;
    expect(off.codeLens).toBe(false);
    expect(changeSettings(off, { ssae: { codeLens: null } }).settings.codeLens).toBe(true);
  });

  it('of any other form change nothing', () => {
    for (const given of [null, undefined])
      expect(changeSettings(DEFAULT_SETTINGS, given)).toEqual({ settings: DEFAULT_SETTINGS, complaints: [] });
    for (const given of [3, 'x', [1]]) {
      expect(changeSettings(DEFAULT_SETTINGS, given).settings).toEqual(DEFAULT_SETTINGS);
      expect(changeSettings(DEFAULT_SETTINGS, given).complaints).toHaveLength(1);
    }
    expect(
      changeSettings(DEFAULT_SETTINGS, JSON.parse('{"__proto__": {"x": 1}, "constructor": 1}')).complaints,
    ).toHaveLength(2);
  });
});
