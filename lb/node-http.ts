/**
 * Node's own HTTP. Not by `import`, which reads all that a module exports: of node:http from Node 22 on that is WebSocket too, and for it
 * node loads the undici that it carries: memory and a tenth of a second of CPU, for what nobody here uses.
 */
import type http from 'node:http';

export const { Agent, METHODS, STATUS_CODES, ServerResponse, createServer, request } = process.getBuiltinModule('node:http');
export type ServerResponse = http.ServerResponse;
