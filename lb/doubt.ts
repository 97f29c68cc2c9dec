/**
 * What stands between a call and an endpoint whose registration nobody can confirm now: somebody else may have its address. Before a new
 * connection to it is made, the one who gave the doubt is asked; a connection that was there already leads to whom it always led.
 *
 * An endpoint without a doubt costs nothing of this: it is one look at a field for each new connection.
 */
import type { Socket, TcpNetConnectOpts } from 'node:net';
import { address, type Doubt, type Endpoint } from './endpoint.js';
import { CallError } from './errors.js';

/** Connects a socket that is not connected yet, as soon as the endpoint is proven. The returned function gives up waiting for that. */
export function connectOnceProven(
  socket: Socket,
  options: TcpNetConnectOpts,
  endpoint: Endpoint & { readonly doubt: Doubt },
  refused: (why: CallError) => void,
): () => void {
  let givenUp = false;
  const giveUp = endpoint.doubt.ask((refusal) => {
    if (givenUp) return;
    if (refusal === undefined) socket.connect(options);
    else refused(new CallError('unproven', `${address(endpoint)} gets no new connection: ${refusal}`));
  });
  return () => {
    givenUp = true;
    giveUp();
  };
}

export const isDoubted = (endpoint: Endpoint): endpoint is Endpoint & { readonly doubt: Doubt } =>
  endpoint.doubt?.why !== undefined;

/** A connect came to nothing. Trouble of this machine says nothing of the endpoint. */
export function tellDoubt({ doubt }: Endpoint, { code, message }: CallError): void {
  if (doubt?.why !== undefined && code !== 'local' && code !== 'unproven') doubt.failed(message);
}
