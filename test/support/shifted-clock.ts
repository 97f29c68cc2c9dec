/**
 * To be loaded before the program (NODE_OPTIONS=--import=…): its wall clock jumps a day ahead at the first SIGUSR2, and at the next one to a
 * day behind. Monotonic clocks and timers go on, as when somebody sets the clock of a machine.
 */
const DAY_MS = 24 * 60 * 60 * 1_000;
const Real = Date;
let shiftMs = 0;

class Shifted extends Real {
  constructor(...given: unknown[]) {
    super(...((given.length === 0 ? [Real.now() + shiftMs] : given) as [number]));
  }
  static override now(): number {
    return Real.now() + shiftMs;
  }
}
globalThis.Date = Shifted as DateConstructor;
process.on('SIGUSR2', () => (shiftMs = shiftMs === 0 ? DAY_MS : -DAY_MS));
