/**
 * A rolling update of the webhook: two replicas of the built program behind what stands for a Service, which hears of an end as late as
 * nodes do, asked all the while over kept connections, as API servers do.
 */
import { deepEqual, ok } from 'node:assert/strict';
import { get } from 'node:http';
import { Agent } from 'node:https';
import { after, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { holding } from '../../support/die-with-us.js';
import { question } from './question.js';
import { ask, certificates, replica, type Replica } from './replica.js';

/** Until the nodes' rules follow a pod's readiness. */
const HEARD_AFTER_MS = 1_500;

const ready = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path: '/ready', agent: false }, (response) =>
      resolve(response.resume().statusCode === 200),
    ).on('error', () => resolve(false));
  });

it('a rolling update of two replicas leaves no question without an answer', { timeout: 120_000 }, () => holding(roll()));

async function roll(): Promise<void> {
  const files = certificates();
  after(() => files.remove());

  let replicas = [await replica(files), await replica(files)];
  let routed = replicas;
  let rolling = true;
  const heard = async (): Promise<void> => {
    while (rolling) {
      const well: Replica[] = [];
      for (const each of replicas) if (await ready(each.monitor)) well.push(each);
      await sleep(HEARD_AFTER_MS);
      routed = well;
    }
  };
  const failed: string[] = [];
  let answered = 0;
  const askOn = async (): Promise<void> => {
    const agents = new Map<number, Agent>(); // kept connections, to each replica
    for (let turn = 0; rolling; turn++) {
      const { port } = routed[turn % routed.length]!;
      const agent = agents.get(port) ?? new Agent({ keepAlive: true, maxSockets: 1 });
      agents.set(port, agent);
      const reply = await ask(port, files.ca, JSON.stringify(question()), agent).catch(
        (error: unknown) => (error as Error).message,
      );
      if (typeof reply === 'string') failed.push(reply);
      else if (reply.status !== 200) failed.push(String(reply.status));
      else answered++;
      await sleep(5);
    }
    for (const agent of agents.values()) agent.destroy();
  };

  const going = [heard(), askOn(), askOn()];
  for (const old of replicas) {
    const next = await replica(files); // maxUnavailable: 0
    replicas = [...replicas, next];
    while (!routed.includes(next)) await sleep(50);
    deepEqual(await old.end(), [0, null]);
    replicas = replicas.filter((each) => each !== old);
  }
  rolling = false;
  await Promise.all(going);
  await Promise.all(replicas.map((each) => each.end()));
  deepEqual(failed, []);
  ok(answered > 500, `${answered} answers`);
}
