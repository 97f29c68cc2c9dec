/**
 * What a test has opened ends with its file at the latest: one that failed half way leaves it behind, and a socket of it would keep the file alive until
 * the runner's limit.
 */
import { after } from 'node:test';

const ends: (() => void)[] = [];

/** `end` may be called for what has ended by itself. */
export const endsWithFile = (end: () => void): void => void ends.push(end);

// what is measured and not tested uses the same parts, and ends by itself
if (process.argv[1]?.endsWith('.test.js') === true) {
  after(() => {
    const failed = ends.flatMap((end) => {
      try {
        end();
        return [];
      } catch (error) {
        return [error];
      }
    });
    if (failed.length > 0) throw new AggregateError(failed, `${failed.length} of what was left open could not be ended`);
  });
}
