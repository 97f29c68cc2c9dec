/** `npm run fuzz -- TARGET [SECONDS] [SEED]`: goes on for so long, prints the seed, and fails with a case that can be repeated. */
import { fuzz as http } from './lb/fuzz.js';
import { fuzz as zookeeper } from './agent/registry/wire/fuzz.js';
import { seeded } from './support/random.js';

const targets: Readonly<Record<string, (ms: number, seed: number) => Promise<string>>> = {
  http: async (ms, seed) => {
    const { cases, stricter } = await http({ ms }, seed);
    return `${cases} messages through both lanes: nobody saw another message, and nothing hung; in ${stricter} one lane was stricter`;
  },
  zookeeper: async (ms, seed) => `${zookeeper({ ms }, seeded(seed))} damaged answers, each as every kind: only refusals`,
};

const [, , name = '', seconds = '10', seed = String(Date.now() % 1_000_000)] = process.argv;
const target = targets[name];
if (target === undefined || !(Number(seconds) > 0)) {
  console.error(`npm run fuzz -- TARGET [SECONDS] [SEED], where TARGET is one of ${Object.keys(targets).join(', ')}`);
  process.exitCode = 64;
} else {
  console.log(`fuzzing ${name} for ${seconds} s, seed ${seed}`);
  console.log(await target(Number(seconds) * 1_000, Number(seed)));
}
