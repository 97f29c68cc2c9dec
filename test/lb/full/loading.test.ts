/** What the full lane is made of is loaded by the first calls that need it. A process of its own: what is loaded once stays loaded. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { defaultCallSettings } from '../../../lb/settings.js';
import { RawServer } from '../../support/raw.js';
import { get, handshake, house, ok, switching, useLane } from './house.js';

const loaded = (): string[] => {
  const files = Object.keys(createRequire(import.meta.url).cache);
  return ['undici', 'http-proxy'].filter((name) => files.some((file) => file.includes(`/node_modules/${name}/`)));
};
const upload = 'POST / HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n';

useLane('fast');

describe('undici and http-proxy', { timeout: 60_000 }, () => {
  it('are not loaded by a plain call', async (t) => {
    const { ask } = await house(t, { orders: [await RawServer.always(ok())] });
    match(await ask(get()), /^HTTP\/1\.1 200 /);
    deepEqual(loaded(), []);
  });

  it('are waited for by a call that comes first: a drain while undici is loading lets it end, as the last of its connection', async (t) => {
    let atDrain: string[] | undefined;
    const settings = (): typeof defaultCallSettings => {
      setImmediate(() => {
        atDrain ??= loaded();
        proxy.drain();
      });
      return defaultCallSettings;
    };
    const peer = await RawServer.start(async (wire) => {
      await wire.until('0\r\n\r\n');
      wire.write(ok('taken'));
    });
    const { proxy, app } = await house(t, { orders: [peer] }, { proxy: { settings } });
    const { text } = await (await app()).write(upload).rest();
    match(text, /^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*Connection: close\r\n(?:.+\r\n)*\r\ntaken$/i);
    deepEqual(atDrain, []);
    deepEqual(loaded(), ['undici']);
    deepEqual(proxy.carried(), { fast: 0, full: 1, tcp: 0 });
  });

  it('hold nobody up who closes: a handshake that waits for http-proxy is cut, and its endpoint never hears of it', async (t) => {
    const peer = await RawServer.always(switching());
    let closed: Promise<void> | undefined;
    let atClose: string[] | undefined;
    const settings = (): typeof defaultCallSettings => {
      setImmediate(() => {
        atClose ??= loaded();
        closed ??= proxy.close();
      });
      return defaultCallSettings;
    };
    const { proxy, app, upstreams } = await house(t, { orders: [peer] }, { proxy: { settings } });
    const { text } = await (await app()).write(handshake()).rest();
    equal(text, '');
    await closed;
    deepEqual(proxy.quiet(), { connections: 0, calls: 0 });
    equal(upstreams.get('orders')!.stats.inFlight, 0);
    deepEqual(atClose, ['undici']);
    equal(peer.wires.length, 0);
  });
});
