/** A small DNS server for hosts: A records of its arguments (`name=address`), each answer DELAY_MS late; NXDOMAIN for all else. */
import { createSocket } from 'node:dgram';

const { DELAY_MS = '0' } = process.env;
const records = new Map(process.argv.slice(2).map((record) => record.split('=') as [string, string]));
const A = 1;
const NXDOMAIN = 3;

const server = createSocket('udp4');
server.on('message', (query, from) => {
  const labels: string[] = [];
  let at = 12;
  for (; query[at]! > 0; at += query[at]! + 1) labels.push(query.toString('latin1', at + 1, at + 1 + query[at]!));
  const question = query.subarray(12, at + 5);
  const address = records.get(labels.join('.').toLowerCase());
  const isA = query.readUInt16BE(at + 1) === A;
  const answer = address !== undefined && isA ? record(address) : Buffer.alloc(0);
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(0x8180 | (address === undefined ? NXDOMAIN : 0), 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(answer.length > 0 ? 1 : 0, 6);
  setTimeout(() => server.send(Buffer.concat([head, question, answer]), from.port, from.address), Number(DELAY_MS));
});
server.bind(53, () => console.log('ready'));

/** A pointer to the question's name, type A, class IN, 1 s, four bytes. */
const record = (address: string): Buffer =>
  Buffer.from([0xc0, 12, 0, A, 0, 1, 0, 0, 0, 1, 0, 4, ...address.split('.').map(Number)]);
