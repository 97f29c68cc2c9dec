/** The settings of what is done about endpoints in trouble, each of which can differ from peer to peer. What they do is told in lb/README.md. */
import { duration, integer, onOff, orOff, readParts, timeout, type Grammar, type Reading } from './parse.js';
import { live, perUpstream } from './setting.js';

export type CheckText = { readonly kind: 'off' } | { readonly kind: 'tcp' } | { readonly kind: 'http'; readonly path: string };

const check: Grammar<CheckText> = {
  accepts: 'off, tcp, or http:/path on the instance, which passes with 200 to 399',
  read(text) {
    if (text === 'off' || text === 'tcp') return { value: { kind: text } };
    const path = /^http:(\/[!-~]*)$/.exec(text)?.[1];
    if (path === undefined) return { problem: 'is not a check' };
    if (path.startsWith('//')) return { problem: 'names a host, where each instance is asked itself: a path alone is meant' };
    return path.length > 1024 ? { problem: 'has a path longer than 1024 characters' } : { value: { kind: 'http', path } };
  },
};

const parts = ['circuit', 'outlier', 'limits', 'checks'] as const;
export type ShadowPart = (typeof parts)[number];

const shadow: Grammar<ReadonlySet<ShadowPart>> = {
  accepts: `off, all, or some of ${parts.join(',')}`,
  list: ',',
  read(text): Reading<ReadonlySet<ShadowPart>> {
    if (text === 'off') return { value: new Set() };
    if (text === 'all') return { value: new Set(parts) };
    const read = readParts(text, ',', (part): Reading<ShadowPart> => {
      const known = parts.find((one) => one === part);
      return known === undefined ? { problem: 'is not known' } : { value: known };
    });
    return 'problem' in read ? read : { value: new Set(read.value) };
  },
};

const most = integer(1, 1_000_000);

export const trouble = {
  circuitFailures: live(
    perUpstream('5', integer(1, 1000), 'Failed connects, resets and timeouts in a row that open the circuit of an instance.'),
  ),
  circuitFailureRate: live(
    perUpstream('off', orOff(integer(1, 100), undefined), 'The same in percent of its calls of the last 10 s, from 20 calls on.'),
  ),
  circuitSlowCall: live(perUpstream('off', timeout('1ms', '1h'), 'A call that takes so long counts as slow.')),
  circuitSlowRate: live(
    perUpstream(
      '50',
      integer(1, 100),
      'Slow calls, in percent of those of the last 10 s, that open the circuit, from 20 calls on.',
    ),
  ),
  outlier: live(
    perUpstream('on', onOff, 'Ejection of instances that answer worse than their peers: 5xx in a row, success, latency.'),
  ),
  outlierFailures: live(
    perUpstream(
      '5',
      integer(1, 1000),
      'Answers of 5xx in a row that eject an instance; a 500 counts while its peers do better, 501 and 505 never.',
    ),
  ),
  outlierInterval: live(perUpstream('10s', duration('1s', '1h'), 'How often success and latency of the instances are compared.')),
  outlierTime: live(
    perUpstream(
      '30s',
      duration('1s', '5m'),
      'An ejection lasts so long, times its count, 5m at most; the first one less where calls that can be sent again find it well.',
    ),
  ),
  outlierMax: live(perUpstream('30', integer(0, 100), 'Most instances ejected at one time, in percent; one may be in any case.')),
  panic: live(
    perUpstream('50', integer(0, 100), 'Below so many percent of well instances, ejections and checks are pardoned; 0: never.'),
  ),
  maxConnections: live(
    perUpstream(
      '1024',
      most,
      'Most connections to the instances of a peer; calls beyond are refused (overflow), as with the next two.',
    ),
  ),
  maxPending: live(perUpstream('1024', most, 'Most calls that wait for a connection, or for the first list.')),
  maxRequests: live(perUpstream('1024', most, 'Most calls at one time.')),
  check: live(perUpstream('off', check, 'Whether instances are asked how they are, beside what calls tell.')),
  checkInterval: live(
    perUpstream(
      '10s',
      duration('100ms', '1h'),
      'Time between two checks of an instance; 500ms while it is ill or the last one disagrees.',
    ),
  ),
  checkTimeout: live(perUpstream('1s', timeout('10ms', '1m'), 'Longest wait for one check.')),
  checkRise: live(perUpstream('2', integer(1, 1000), 'Passes in a row that let an instance in again.')),
  checkFall: live(perUpstream('3', integer(1, 1000), 'Fails in a row that put it out.')),
  shadow: live(perUpstream('off', shadow, 'What is counted and logged only, and not acted on: look before you switch it on.')),
};
