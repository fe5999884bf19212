import { productVersion } from '../foundation/package-root.ts';
import { CliCommand } from './cli-command.ts';
import { addBench } from './bench-command.ts';
import { addCache } from './cache-command.ts';
import { addCompletion } from './completion-command.ts';
import { addCorpus } from './corpus-command.ts';
import { addDaemon } from './daemon-command.ts';
import { addDemo } from './demo-command.ts';
import { addDictionary } from './dictionary-command.ts';
import { addDoctor } from './doctor-command.ts';
import { addEvaluate } from './evaluate-command.ts';
import { addFeature } from './feature-command.ts';
import { addHarvest } from './harvest-command.ts';
import { addInspect } from './inspect-command.ts';
import { addJob } from './job-command.ts';
import { addLsp } from './lsp-command.ts';
import { addModel } from './model-command.ts';
import { addRetrieve } from './retrieve-command.ts';
import { addRun, addRuns } from './run-command.ts';
import { addSeeds } from './seeds-command.ts';
import { addSelection } from './selection-command.ts';
import { addSteer } from './steer-command.ts';
import { addFinetune, addTrain } from './train-command.ts';
import type { GlobalOptions, Shell } from './shell.ts';
import { anyText, wholeNumber } from './values.ts';

/** In the order of the main job. */
const FAMILIES = [
  addDemo,
  addModel,
  addCorpus,
  addSeeds,
  addRetrieve,
  addSelection,
  addHarvest,
  addTrain,
  addFinetune,
  addEvaluate,
  addRun,
  addRuns,
  addInspect,
  addFeature,
  addSteer,
  addDictionary,
  addDaemon,
  addJob,
  addLsp,
  addDoctor,
  addCache,
  addBench,
  addCompletion,
];

/** The whole command tree, bound to one call's shell. */
export function buildProgram(shell: Shell): CliCommand {
  const { output, errors } = shell.surroundings;
  const { chalk } = shell.out;
  const program = new CliCommand('ssae')
    .configureOutput({
      writeOut: (text) => output.write(text),
      writeErr: (text) => errors.write(text),
      // Errors are thrown as UsageErrors and printed once, by whoever called.
      outputError: () => undefined,
      getOutHelpWidth: () => shell.out.width,
      getErrHelpWidth: () => shell.err.width,
      getOutHasColors: () => shell.out.chalk.level > 0,
      getErrHasColors: () => shell.err.chalk.level > 0,
    })
    .configureHelp({
      showGlobalOptions: true,
      styleTitle: (title) => chalk.bold(title),
      styleOptionText: (term) => chalk.cyan(term),
      styleSubcommandText: (term) => chalk.cyan(term),
      styleArgumentText: (term) => chalk.cyan(term),
    })
    .description(
      'Specialized sparse autoencoders: mark a rare concept in text, train on it, and see which features fire on which token.',
    )
    .version(productVersion, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'what a command does, its options, examples')
    .takes('--home <folder>', "folder of all state (default: $SSAE_HOME, else the platform's data folder)", anyText)
    .option('--json', 'print one JSON document instead of text for people')
    .option('-q, --quiet', 'no progress and no notes')
    .option('--verbose', 'say more on stderr: where an error came from, how long the command took')
    .option('--no-color', 'no colours; NO_COLOR in the environment does the same')
    .takes('--threads <n>', 'threads to compute with (default: one a core)', wholeNumber(1, 1024));
  for (const addFamily of FAMILIES) addFamily(program, shell);
  return program
    .hook('preAction', (command) => {
      shell.configure(command.opts<GlobalOptions & Record<string, unknown>>());
    })
    .example('ssae doctor', 'What this installation can do')
    .example('ssae inspect README.md --dictionary builtin-gsae', 'Which features fire on which token')
    .example('ssae seeds add --help', 'What one command does, with examples');
}
