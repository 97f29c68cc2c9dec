/** Certificates for tests, made by openssl: an authority of their own, and whom it vouches for. The files live until `remove`. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
  /** Both in one file. */
  readonly both: string;
}

export class Authority {
  readonly ca: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'zidecar-ca-'));
  readonly #key: string;

  constructor(name: string) {
    this.ca = join(this.#folder, 'ca.pem');
    this.#key = join(this.#folder, 'ca-key.pem');
    const subject = ['-subj', `/CN=${name}`, '-keyout', this.#key, '-out', this.ca];
    openssl('req', '-x509', '-days', '2', ...newKey, ...subject);
  }

  /** `names`: such as `DNS:zk.test` and `IP:127.0.0.1`. The key is in PKCS 8. */
  issue(name: string, names: readonly string[] = [], kind: 'rsa' | 'ec' = 'rsa'): Certificate {
    const file = (what: string): string => join(this.#folder, `${name}-${what}.pem`);
    const [cert, key, both, request, extensions] = ['cert', 'key', 'both', 'request', 'extensions'].map(file) as [
      string,
      string,
      string,
      string,
      string,
    ];
    openssl('req', ...(kind === 'ec' ? newEcKey : newKey), '-subj', `/CN=${name}`, '-keyout', key, '-out', request);
    writeFileSync(extensions, names.length > 0 ? `subjectAltName=${names.join(',')}` : '');
    const by = ['-CA', this.ca, '-CAkey', this.#key, '-CAcreateserial', '-extfile', extensions];
    openssl('x509', '-req', '-days', '2', '-in', request, ...by, '-out', cert);
    writeFileSync(both, readFileSync(key));
    appendFileSync(both, readFileSync(cert));
    return { cert, key, both };
  }

  /** A path for one more file. */
  path(name: string): string {
    return join(this.#folder, name);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const newKey = ['-newkey', 'rsa:2048', '-nodes'];
const newEcKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const openssl = (...args: readonly string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' });
