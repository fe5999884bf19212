import * as vscode from 'vscode';

/** Words of the feature page, in the language of the editor, by their English form. */
export function featureWords(): Record<string, string> {
  return {
    '(1 passage)': vscode.l10n.t('(1 passage)'),
    '({0} passages)': vscode.l10n.t('({0} passages)'),
    Activation: vscode.l10n.t('Activation'),
    Activations: vscode.l10n.t('Activations'),
    'Add Label': vscode.l10n.t('Add Label'),
    'Adds strength × W_dec to the residual stream at every position; strength is in units of the activation.':
      vscode.l10n.t(
        'Adds strength × W_dec to the residual stream at every position; strength is in units of the activation.',
      ),
    Bookmark: vscode.l10n.t('Bookmark'),
    'By the cosine of their decoder rows. Ctrl+click (⌘ on a Mac) opens one beside.': vscode.l10n.t(
      'By the cosine of their decoder rows. Ctrl+click (⌘ on a Mac) opens one beside.',
    ),
    Cancel: vscode.l10n.t('Cancel'),
    'Cancelled.': vscode.l10n.t('Cancelled.'),
    'Choose a corpus to see where this feature fires.': vscode.l10n.t(
      'Choose a corpus to see where this feature fires.',
    ),
    'Continue the Prompt': vscode.l10n.t('Continue the Prompt'),
    Corpus: vscode.l10n.t('Corpus'),
    'Divergence KL(without ‖ with), mean over the prompt: {0} nats; {1} s; greedy, {2} tokens': vscode.l10n.t(
      'Divergence KL(without ‖ with), mean over the prompt: {0} nats; {1} s; greedy, {2} tokens',
    ),
    'Edit Label': vscode.l10n.t('Edit Label'),
    Effect: vscode.l10n.t('Effect'),
    'Feature {0}': vscode.l10n.t('Feature {0}'),
    'Fires on {0} of tokens (n = {1} tokens of {2})': vscode.l10n.t('Fires on {0} of tokens (n = {1} tokens of {2})'),
    'Histogram of {0} tokens from {1} to {2}; the numbers follow as a table.': vscode.l10n.t(
      'Histogram of {0} tokens from {1} to {2}; the numbers follow as a table.',
    ),
    'It does not fire on this text.': vscode.l10n.t('It does not fire on this text.'),
    'It fires on no token of {0}.': vscode.l10n.t('It fires on no token of {0}.'),
    'Label of this feature': vscode.l10n.t('Label of this feature'),
    'Loading…': vscode.l10n.t('Loading…'),
    Logits: vscode.l10n.t('Logits'),
    'Lowered most': vscode.l10n.t('Lowered most'),
    'Move between features': vscode.l10n.t('Move between features'),
    Next: vscode.l10n.t('Next'),
    'No label': vscode.l10n.t('No label'),
    None: vscode.l10n.t('None'),
    'Numbers as a table': vscode.l10n.t('Numbers as a table'),
    'Passage from {0}; arrow keys move between tokens that fire': vscode.l10n.t(
      'Passage from {0}; arrow keys move between tokens that fire',
    ),
    Previous: vscode.l10n.t('Previous'),
    Prompt: vscode.l10n.t('Prompt'),
    'Raised most': vscode.l10n.t('Raised most'),
    'Reading {0}': vscode.l10n.t('Reading {0}'),
    'Reading {0}… The first time, an index of the whole corpus is made, which takes a while.': vscode.l10n.t(
      'Reading {0}… The first time, an index of the whole corpus is made, which takes a while.',
    ),
    Save: vscode.l10n.t('Save'),
    'Saved.': vscode.l10n.t('Saved.'),
    'Saving…': vscode.l10n.t('Saving…'),
    'Share of all tokens': vscode.l10n.t('Share of all tokens'),
    'Show {0} more': vscode.l10n.t('Show {0} more'),
    'Similar features': vscode.l10n.t('Similar features'),
    Steer: vscode.l10n.t('Steer'),
    Strength: vscode.l10n.t('Strength'),
    'Strength as a number': vscode.l10n.t('Strength as a number'),
    'Strongest in the corpus: {0}.': vscode.l10n.t('Strongest in the corpus: {0}.'),
    'Strongest: {0}': vscode.l10n.t('Strongest: {0}'),
    'There is no corpus yet. Ingest one to see where this feature fires.': vscode.l10n.t(
      'There is no corpus yet. Ingest one to see where this feature fires.',
    ),
    Token: vscode.l10n.t('Token'),
    Tokens: vscode.l10n.t('Tokens'),
    'Top passages': vscode.l10n.t('Top passages'),
    'Try Again': vscode.l10n.t('Try Again'),
    'Try your own text': vscode.l10n.t('Try your own text'),
    'Type or paste text to see where this feature fires on it': vscode.l10n.t(
      'Type or paste text to see where this feature fires on it',
    ),
    Undo: vscode.l10n.t('Undo'),
    'W_dec · W_U: what one unit of the feature adds to each word’s logit.': vscode.l10n.t(
      'W_dec · W_U: what one unit of the feature adds to each word’s logit.',
    ),
    'With strength {0}': vscode.l10n.t('With strength {0}'),
    Without: vscode.l10n.t('Without'),
    'Your text; arrow keys move between tokens that fire': vscode.l10n.t(
      'Your text; arrow keys move between tokens that fire',
    ),
    linear: vscode.l10n.t('linear'),
    logarithmic: vscode.l10n.t('logarithmic'),
    'maximum {0}': vscode.l10n.t('maximum {0}'),
    'not active': vscode.l10n.t('not active'),
    'The one token on which it fires.': vscode.l10n.t('The one token on which it fires.'),
    '{0} to {1}': vscode.l10n.t('{0} to {1}'),
    '{0} to {1} of the strongest activation': vscode.l10n.t('{0} to {1} of the strongest activation'),
    '{0} to {1}: {2} tokens': vscode.l10n.t('{0} to {1}: {2} tokens'),
    '{0} tokens on which it fires, by activation in octaves; heights are logarithmic.': vscode.l10n.t(
      '{0} tokens on which it fires, by activation in octaves; heights are logarithmic.',
    ),
    '{0}: activation {1}': vscode.l10n.t('{0}: activation {1}'),
  };
}
