/**
 * `zidecar services --watch`: looks every two seconds until it is ended. On a terminal the table is redrawn in place, with the time below it;
 * elsewhere it is told again only when it has changed. While the registry does not answer, what it said last stays, with its age.
 */
import { elapsed } from './elapsed.js';
import type { Tree } from './registry/tree.js';
import type { Fleet } from './services.js';
import type { Surroundings } from './surroundings.js';
import { clock } from './system.js';
import { paintFor } from './text.js';

export interface Watched {
  readonly tree: Pick<Tree, 'session' | 'exists'>;
  readonly around: Surroundings;
  /** Rejects where the registry does not answer. */
  readonly look: () => Promise<Fleet>;
  readonly show: (fleet: Fleet) => string;
  /** What the session said of its last trouble. */
  readonly trouble: () => string;
}

const EVERY_MS = 2_000;
/** After so long without a whole answer the table is called old. */
const OLD_MS = 3 * EVERY_MS;

export async function watchServices({ tree, around, look, show, trouble }: Watched, first: string): Promise<never> {
  const { stdout, stderr, env } = around;
  let [text, told, wasOld] = [first, '', false];
  let [answeredAt, answeredWall] = [clock.now(), clock.wall()];
  let looking: Promise<Fleet | undefined> | undefined;
  for (;;) {
    const ageMs = clock.now() - answeredAt;
    const isOld = ageMs > OLD_MS || tree.session.state !== 'connected';
    const why = trouble() === '' ? '' : ` (${trouble()})`;
    const age = `no answer from the registry for ${elapsed(ageMs)}${why}: this is what it said at ${time(answeredWall)}`;
    if (stdout.isTTY) {
      const paint = paintFor(stdout, env);
      draw(stdout, text, isOld ? paint.yellow(age) : paint.dim(`${time(clock.wall())}, again every 2 s; Ctrl-C ends it`));
    } else {
      if (text !== told) stdout.write(`${text}\n`);
      told = text;
      if (isOld && !wasOld) stderr.write(`${age}\n`);
      if (!isOld && wasOld) stderr.write('the registry answers again\n');
    }
    wasOld = isOld;
    await clock.sleep(EVERY_MS);
    looking ??= look().catch(() => undefined);
    // the age is told again while an answer is waited for
    const answer = await Promise.race([looking, clock.sleep(EVERY_MS).then(() => 'waiting' as const)]);
    if (answer === 'waiting') continue;
    looking = undefined;
    if (answer === undefined || !(answer.complete || (await answers(tree)))) continue;
    [text, answeredAt, answeredWall] = [show(answer), clock.now(), clock.wall()];
  }
}

/** Whether a look that was cut short met a large fleet, or a registry that says nothing any more. */
const answers = (tree: Pick<Tree, 'exists'>): Promise<boolean> => {
  const answered = tree.exists('/').then(
    () => true,
    () => false,
  );
  return Promise.race([answered, clock.sleep(EVERY_MS).then(() => false)]);
};

/** Over what is there, and not more lines than there is room for. */
function draw(out: NodeJS.WriteStream, text: string, below: string): void {
  const lines = text.split('\n');
  const room = Math.max((out.rows || 24) - 3, 1);
  const cut = lines.length > room ? [`… and ${lines.length - room} lines more`] : [];
  out.write(`\x1b[H${[...lines.slice(0, room), ...cut, '', below].join('\x1b[K\n')}\x1b[K\x1b[J`);
}

const time = (wall: number): string => new Date(wall).toTimeString().slice(0, 8);
