// Knows its users, and calls nobody.
import { hostname } from 'node:os';
import { serve } from './answer.mjs';

serve({ '/users/': (id) => [200, { id, name: `user ${id}`, from: hostname() }] });
