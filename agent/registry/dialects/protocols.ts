/** Which of the protocols that instances say they speak go over HTTP. One that says nothing speaks HTTP. */
const HTTP = ['http', 'rest'];

/** What only a port of plain TCP carries, said of an instance; undefined: an HTTP call will do. */
export const unspoken = (protocol: string | undefined, service: string): string | undefined =>
  protocol === undefined || HTTP.includes(protocol)
    ? undefined
    : `it speaks ${protocol}, which only a port of plain TCP carries: ZIDECAR_UPSTREAMS=${service}@tcp:PORT`;
