import type { EngineTrainer, StateAccess, StateCounts, TrainingState } from '../compute/engine.ts';

/** A trainer's state element by element: in place where the engine can, else by way of a copy of all of it. */
export async function stateAccessOf(trainer: EngineTrainer): Promise<StateAccess> {
  if (trainer.stateAccess !== undefined) return trainer.stateAccess;
  const state = await trainer.state();
  return accessTo(state, (counts) => trainer.restore({ ...state, ...counts }));
}

/** @param finish what is done with a changed state */
export function accessTo(state: TrainingState, finish: (counts: StateCounts) => Promise<void>): StateAccess {
  return {
    read: (part, name, first, into) => {
      into.set(state[part][name]!.subarray(first, first + into.length));
      return Promise.resolve();
    },
    write: (part, name, first, from) => {
      state[part][name]!.set(from, first);
      return Promise.resolve();
    },
    counts: () => Promise.resolve(state),
    finish,
  };
}
