/** The demo's rare domain: what is looked for, and the sentences that show it. Written for the demo; none is from a corpus. */
export const SUBJECT = {
  /** WordNet's topic label; the ground truth. */
  domain: 'physics',
  seeds: [
    'A charged particle that moves across a magnetic field is pushed at right angles to its velocity.',
    'The nucleus of an atom is held together by the strong force between protons and neutrons.',
    'When light passes from air into glass its direction changes, because it travels more slowly there.',
    'Entropy of an isolated system never decreases, so heat flows from the hot body to the cold one.',
    'An electron that drops to a lower orbit emits a photon whose frequency gives the difference in energy.',
    'The half-life of a radioactive isotope is the time in which half of its nuclei decay.',
    'Momentum is conserved in every collision, elastic or not.',
    'A superconductor loses all electrical resistance below a critical temperature.',
    'Two waves of equal frequency interfere and leave bright and dark fringes on the screen.',
    'The wavelength of a particle is the constant of Planck divided by its momentum.',
    'A pendulum exchanges potential and kinetic energy as it swings.',
    'Gravity bends the path of light near a massive body.',
    'Pressure in a fluid at rest grows with depth and with the density of the fluid.',
    'A dielectric between the plates raises the capacitance of the condenser.',
    'The torque on a wheel is the force times its distance from the axis of rotation.',
    'Fission of uranium releases neutrons that can keep a chain reaction going.',
    'A current in a coil sets up a magnetic flux, and a changing flux induces a voltage.',
    'Absolute zero is the temperature at which molecules have the least possible motion.',
    'Quarks carry a fraction of the charge of the electron and are never seen alone.',
    'Sound is a longitudinal wave of compression that cannot travel through a vacuum.',
  ],
} as const;

/** Sizes of the demo: a few minutes on two cores. */
export const SIZES = {
  selectionTokens: 24_000,
  candidates: 3,
  trainingTokens: 600_000,
  domainTokens: 8_000,
  generalTokens: 8_000,
  /** Glosses of no known physics, kept out of the corpus to measure what is forgotten. */
  generalGlosses: 400,
} as const;
