/**
 * Why there is no session, in one sentence that says what to do. The native client tells nothing of a connection that fails, so each
 * server is asked directly: a TCP connection, and the four letters `srvr`, which every server answers by default. Only asked while there is
 * trouble; the sentence holds no number that changes, so that the same trouble is the same sentence.
 */
import { connect } from 'node:net';
import type { Clock } from '../../system.js';
import { Connection } from '../wire/connection.js';
import type { Tls } from '../wire/connection.js';
import type { Address } from '../wire/resolve.js';
import { Turns } from '../wire/turns.js';
import type { Diagnosis } from '../turn.js';
import { withSetting } from './wire-link.js';

type Finding = 'serves' | 'serves_nobody' | 'hangs_up' | 'foreign' | 'silent' | 'refuses' | 'unreachable';

const ANSWER_MS = 1_000;
/** A server of HTTP waits for the end of a line after the four letters; no ZooKeeper takes so long for them. */
const NUDGE_MS = 500;
const MOST_BYTES = 4_096;
const MOST_ASKED = 16;

const NOWHERE =
  'no server of ZIDECAR_ZOOKEEPER has an address that can be reached from here: ' +
  'check the names, the DNS and the routes of this machine';

const nothingListens = (places: string): string =>
  `nothing listens at ${places}: start ZooKeeper there, or check ZIDECAR_ZOOKEEPER`;

/** The first that was found anywhere is told: the nearer a server is to a session, the more its trouble is ours. */
const sentences: readonly (readonly [Finding, (places: string) => string])[] = [
  [
    'serves',
    (places) =>
      `${places} serves, but gives us no session: it may demand a login (SASL) that we do not have, or its data was wiped and ` +
      `it refuses our old session until that has ended`,
  ],
  [
    'serves_nobody',
    (places) => `${places} runs but serves nobody: without a majority of its ensemble it waits; start the other servers`,
  ],
  [
    'hangs_up',
    (places) =>
      `${places} accepts a connection and closes it at once: maxClientCnxns (60 from one address by default) is used up, so raise it ` +
      `there or close other clients here; or the port wants TLS`,
  ],
  ['foreign', (places) => `${places} answers, but is no ZooKeeper: check the port in ZIDECAR_ZOOKEEPER`],
  ['silent', (places) => `no answer from ${places} within ${ANSWER_MS} ms: a server that hangs, or a firewall between us`],
  ['refuses', nothingListens],
  ['unreachable', (places) => `${places} cannot be reached: check the network`],
];

/** Never rejects. Takes a second at most. `heard`: what the link itself was told last, for a server that seems to be well. */
export async function diagnose(addresses: readonly Address[], clock: Clock, heard = ''): Promise<Diagnosis> {
  const asked = addresses.slice(0, MOST_ASKED);
  const findings = await Promise.all(asked.map((address) => ask(address, clock)));
  for (const [finding, sentence] of sentences) {
    const places = asked.filter((_, index) => findings[index] === finding);
    if (places.length === 0) continue;
    const isServing = finding === 'serves';
    const why = sentence(labels(places));
    return { why: isServing && heard !== '' ? `${why} (${heard})` : why, isServing };
  }
  return { why: NOWHERE, isServing: false };
}

/** The sentence for it where every server refuses; undefined where one does not, none is known, or too many are to ask them all. Never rejects. */
export async function nobodyListens(addresses: readonly Address[], clock: Clock): Promise<string | undefined> {
  if (addresses.length === 0 || addresses.length > MOST_ASKED) return undefined;
  const findings = await Promise.all(addresses.map((address) => ask(address, clock)));
  return findings.every((finding) => finding === 'refuses') ? nothingListens(labels(addresses)) : undefined;
}

/**
 * Why, where no server agrees with us on TLS: what each says, or ours about the files. Undefined where one does, or takes longer than a second.
 * Each is listened to for that second, since one that is not content with our certificate says so after we are with its. Never rejects.
 */
export async function noneAgrees(
  addresses: readonly Address[],
  tls: () => Promise<Tls>,
  clock: Clock,
): Promise<string | undefined> {
  if (addresses.length === 0 || addresses.length > MOST_ASKED) return undefined;
  try {
    const how = await tls();
    const whys = await Promise.all(addresses.map((address) => disagreement(address, how, clock)));
    return whys.includes(undefined) ? undefined : whys.map((why) => withSetting(why!)).join('; ');
  } catch (error) {
    return (error as Error).message;
  }
}

function disagreement(address: Address, tls: Tls, clock: Clock): Promise<string | undefined> {
  return new Promise((resolve) => {
    const nothing = (): undefined => undefined;
    const ended = (why: string): void => (stop(), resolve(why));
    const connection = new Connection(address, tls, MOST_BYTES, new Turns(clock), {
      opened: nothing,
      heard: nothing,
      frame: nothing,
      ended,
    });
    const stop = clock.after(ANSWER_MS, () => {
      resolve(undefined);
      connection.end('is well');
    });
  });
}

const labels = (addresses: readonly Address[]): string =>
  addresses
    .map(({ label }) => label)
    .sort()
    .join(', ');

function ask({ host, port }: Address, clock: Clock): Promise<Finding> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let isConnected = false;
    let answer = '';
    let isNudged = false;
    const found = (finding: Finding): void => {
      stopNudge();
      stop();
      socket.destroy();
      resolve(finding);
    };
    const ended = (): void => found(answer !== '' ? read(answer) : isNudged ? 'silent' : 'hangs_up');
    const stopNudge = clock.after(NUDGE_MS, () => {
      isNudged = isConnected;
      if (isConnected) socket.write('\r\n\r\n');
    });
    const stop = clock.after(ANSWER_MS, () => found(answer === '' ? 'silent' : read(answer)));
    socket.on('connect', () => {
      isConnected = true;
      socket.write('srvr');
    });
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
      if (answer.length > MOST_BYTES) found(read(answer));
    });
    socket.on('end', ended);
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      // a server that closes at once may be quicker than the news that it had accepted
      if (isConnected || code === 'ECONNRESET') ended();
      else found(code === 'ECONNREFUSED' ? 'refuses' : 'unreachable');
    });
  });
}

const read = (answer: string): Finding =>
  answer.includes('not currently serving')
    ? 'serves_nobody'
    : /^(Zookeeper version|srvr is not executed)/i.test(answer)
      ? 'serves'
      : 'foreign';
