/**
 * The few words that the webhook has for its API server, said over TLS with the pod's own service account. The token is read anew for each
 * call, since the kubelet changes it; it is in no message.
 */
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import type { Json } from '../inject/json.js';

export interface ApiServer {
  readonly namespace: string;
  call(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH',
    path: string,
    body?: Json,
  ): Promise<{ readonly status: number; readonly body: Json }>;
}

const MOST_BYTES = 4 * 1024 * 1024;
const TIMEOUT_MS = 10_000;

/** `folder` is where the kubelet puts token, ca.crt and namespace. Throws where they are not. */
export function apiServer(host: string, port: string, folder: string): ApiServer {
  const file = (name: string): string => readFileSync(join(folder, name), 'utf8').trim();
  return {
    namespace: file('namespace'),
    call: (method, path, body) =>
      new Promise((resolve, reject) => {
        const sent = body === undefined ? undefined : JSON.stringify(body);
        const type = method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json';
        const fail = (error: Error): void => reject(new Error(`${method} ${path}: ${error.message}`, { cause: error }));
        const asking = request(
          {
            ...{ method, host, port, path, ca: file('ca.crt'), agent: false, timeout: TIMEOUT_MS },
            headers: {
              authorization: `Bearer ${file('token')}`,
              accept: 'application/json',
              ...(sent !== undefined && { 'content-type': type, 'content-length': Buffer.byteLength(sent) }),
            },
          },
          (response) => {
            const chunks: Buffer[] = [];
            let size = 0;
            response.on('data', (chunk: Buffer) => {
              size += chunk.length;
              if (size > MOST_BYTES) asking.destroy(new Error('it answers without end'));
              chunks.push(chunk);
            });
            response.on('error', fail);
            response.on('end', () => {
              try {
                resolve({ status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString('utf8')) as Json });
              } catch {
                fail(new Error(`it answered ${response.statusCode ?? 0} and no JSON`));
              }
            });
          },
        );
        asking.on('timeout', () => asking.destroy(new Error(`no answer in ${TIMEOUT_MS / 1000} s`)));
        asking.on('error', fail).end(sent);
      }),
  };
}
