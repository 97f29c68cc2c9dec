/** The grammars of what is sent more than once: after which outcomes a call is repeated, and when it is hedged. */
import type { Hedge } from '../../lb/hedge.js';
import { retryKinds, retryOn, retryWord, type RetryOn } from '../../lb/retry-on.js';
import { duration, orOff, readParts, type Grammar, type Reading } from './parse.js';

export const retryOnWords: Grammar<RetryOn> = orOff(
  {
    accepts: `any of ${Object.keys(retryKinds).join(', ')}, 5xx and statuses from 400 to 599, with commas`,
    list: ',',
    read(text): Reading<RetryOn> {
      const read = readParts(text, ',', (word) =>
        retryWord(word) === undefined ? { problem: 'is no outcome of an attempt' } : { value: word },
      );
      return 'value' in read ? { value: retryOn(read.value) } : read;
    },
  },
  retryOn([]),
);

const delay = duration('1ms', '1h');

export const hedge: Grammar<Hedge> = orOff<Hedge, undefined>(
  { accepts: `${delay.accepts}, or p95`, read: (text): Reading<Hedge> => (text === 'p95' ? { value: text } : delay.read(text)) },
  undefined,
);
