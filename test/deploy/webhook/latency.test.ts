/** The measurement of the webhook's answers, at a small size: what it measures are answers. How long they take is told by `npm run bench:webhook`. */
import { equal, ok } from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { textAt, type Json } from '../../../deploy/inject/json.js';
import { measure, pods } from './latency.js';
import { certificates, replica, type Replica } from './replica.js';

describe('the measurement of the webhook', () => {
  const files = certificates();
  let webhook: Replica;
  before(async () => void (webhook = await replica(files)));
  after(() => (void webhook.end(), files.remove()));

  for (const [name, body] of Object.entries(pods))
    for (const kept of [true, false]) {
      it(`has an answer with a sidecar to each question: ${name}, connections ${kept ? 'kept' : 'new'}`, async () => {
        const { times, answers } = await measure(webhook, files, body, { questions: 3, connections: 2, kept });
        equal(times.length, 6);
        equal(answers.size, 1);
        const patch = textAt(JSON.parse([...answers][0]!) as Json, 'response', 'patch')!;
        ok(Buffer.from(patch, 'base64').toString().includes('"zidecar"'));
      });
    }
});
