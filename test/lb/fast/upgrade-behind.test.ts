/** The same as for the full lane, through the fast one. */
import { useLane } from '../full/house.js';

useLane('fast');
await import('../full/upgrade-behind.test.js');
