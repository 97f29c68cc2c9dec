/** An API server as far as the webhook talks to it: one Secret, one MutatingWebhookConfiguration, versions that must fit. */
import { createServer, type Server } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mapAt, mapsAt, textAt, type Json, type JsonMap } from '../../../deploy/inject/json.js';
import type { ApiServer } from '../../../deploy/webhook/api-server.js';
import { certify } from '../../../deploy/webhook/x509.js';

export class FakeApi implements ApiServer {
  readonly namespace = 'zidecar-system';
  secret: JsonMap | undefined;
  configuration: JsonMap = {
    metadata: { name: 'zidecar-injector', resourceVersion: '1' },
    webhooks: [
      { name: 'namespaces.zidecar.dev', clientConfig: { service: { name: 'injector' } } },
      { name: 'pods.zidecar.dev', clientConfig: { service: { name: 'injector' } } },
    ],
  };
  readonly calls: string[] = [];
  /** Comes before the next write of the Secret, as another replica's would. */
  meanwhile: (() => void) | undefined;
  #version = 0;

  async call(method: string, path: string, body?: Json): Promise<{ status: number; body: Json }> {
    this.calls.push(`${method} ${path}`);
    if (path.includes('/mutatingwebhookconfigurations/')) {
      if (method === 'PATCH') {
        const metadata = mapAt(this.configuration, 'metadata');
        const version = textAt(body, 'metadata', 'resourceVersion');
        if (version !== undefined && version !== metadata['resourceVersion'])
          return { status: 409, body: { message: 'conflict' } };
        const changes = mapsAt(body, 'webhooks');
        const webhooks = mapsAt(this.configuration, 'webhooks').map((one) => {
          const change = changes.find(({ name }) => name === one['name']);
          return { ...one, clientConfig: { ...mapAt(one, 'clientConfig'), ...mapAt(change, 'clientConfig') } };
        });
        this.configuration = {
          ...this.configuration,
          metadata: { ...metadata, resourceVersion: String(Number(metadata['resourceVersion']) + 1) },
          webhooks,
        };
      }
      return { status: 200, body: this.configuration };
    }
    if (method === 'GET')
      return this.secret ? { status: 200, body: this.secret } : { status: 404, body: { message: 'not found' } };
    this.meanwhile?.();
    this.meanwhile = undefined;
    const fits = textAt(body, 'metadata', 'resourceVersion') === textAt(this.secret, 'metadata', 'resourceVersion');
    if ((method === 'POST' && this.secret) || !fits) return { status: 409, body: { message: 'conflict' } };
    this.keep(body as JsonMap);
    return { status: method === 'POST' ? 201 : 200, body: this.secret! };
  }

  keep(secret: JsonMap): void {
    this.secret = { ...secret, metadata: { ...mapAt(secret, 'metadata'), resourceVersion: String(++this.#version) } };
  }

  text(name: string): string {
    return Buffer.from(textAt(this.secret, 'data', name) ?? '', 'base64').toString('utf8');
  }

  bundles(): readonly string[] {
    return mapsAt(this.configuration, 'webhooks').map((webhook) =>
      Buffer.from(textAt(webhook, 'clientConfig', 'caBundle') ?? '', 'base64').toString('utf8'),
    );
  }
}

/** The same over TLS, with the folder that a kubelet would make. Whoever brings no token hears 401. */
export async function serve(api: FakeApi): Promise<{ readonly server: Server; readonly port: number; readonly account: string }> {
  const { cert, key, ca } = certify(['localhost'], Date.now(), 1);
  const account = mkdtempSync(join(tmpdir(), 'zidecar-account-'));
  for (const [name, text] of Object.entries({ token: 'the-token\n', 'ca.crt': ca, namespace: api.namespace }))
    writeFileSync(join(account, name), text);
  const server = createServer({ cert, key }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const send = (status: number, body: Json): void =>
        void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      if (request.headers.authorization !== 'Bearer the-token') return send(401, { message: 'who are you' });
      const text = Buffer.concat(chunks).toString('utf8');
      void api
        .call(request.method!, request.url!, text === '' ? undefined : (JSON.parse(text) as Json))
        .then(({ status, body }) => send(status, body));
    });
  }).listen(0, 'localhost');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port, account };
}
