/**
 * fast-check with one seed, so that a run of the tests says the same of the same code wherever it runs; chance looks for more in `npm run
 * test:long` and `npm run fuzz`. SEED repeats what they print; a case that they find becomes a test with a name.
 */
import fc from 'fast-check';

const seed = Number(process.env['SEED'] ?? 1125);
fc.configureGlobal({ seed });

export { fc };
