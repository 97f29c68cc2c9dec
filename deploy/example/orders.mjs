// Knows its orders, and asks users who has ordered.
import { hostname } from 'node:os';
import { call, serve } from './answer.mjs';

serve({
  '/orders/': async (id) => {
    const answer = await call('users', `/users/${id}`);
    if (!answer.ok) return [502, { error: `users: ${answer.status} ${answer.headers.get('x-zidecar-error') ?? ''}` }];
    return [200, { id, from: hostname(), user: await answer.json() }];
  },
});
