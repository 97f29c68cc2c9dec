/** The same as for the full lane, through the fast one, which hands the connection on. */
import { useLane } from '../full/house.js';

useLane('fast');
await import('../full/websocket.test.js');
