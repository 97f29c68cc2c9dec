// Calls orders RATE times a second, and tells each second how it went: `30 answered, 0 lost`.
import { setTimeout as sleep } from 'node:timers/promises';
import { call, serve } from './answer.mjs';

const rate = Number(process.env.RATE ?? 20);
let [answered, lost, number] = [0, 0, 0];
serve({ '/': () => [200, { answered, lost }] });

async function once(id) {
  try {
    const answer = await call('orders', `/orders/${id}`);
    await answer.arrayBuffer();
    if (answer.ok) answered++;
    else lost++;
  } catch {
    lost++;
  }
}

// The sidecar may begin after us where it is no native one.
while (!(await fetch('http://127.0.0.1:6191/ready').catch(() => undefined))?.ok) await sleep(200);

let [answeredBefore, lostBefore] = [0, 0];
setInterval(() => {
  console.log(`${answered - answeredBefore} answered, ${lost - lostBefore} lost`);
  [answeredBefore, lostBefore] = [answered, lost];
}, 1_000);
for (;;) {
  void once(++number);
  await sleep(1_000 / rate);
}
