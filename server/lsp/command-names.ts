/** Commands for workspace/executeCommand; arguments and answers are in docs/editors.md. */
export const COMMAND = {
  addSeeds: 'ssae.addSeeds',
  useDictionary: 'ssae.useDictionary',
  chooseDictionary: 'ssae.chooseDictionary',
  useMeasure: 'ssae.useMeasure',
  hideFeature: 'ssae.hideFeature',
  labelFeature: 'ssae.labelFeature',
  searchFeatures: 'ssae.searchFeatures',
} as const;
