/** The C program of native/forward.c: no HTTP, no turns but one for each connection. What this machine asks of any proxy at all. */
import { compile, compiler } from '../native.js';
import { launch, type Contender } from './contender.js';

export const forwarder: Contender = {
  id: 'forwarder',
  title: 'C forwarder',
  missing: () => (compiler() === undefined ? 'there is no C compiler: apt-get install -y gcc libc6-dev' : undefined),
  version: () => `C forwarder (gcc ${compiler() ?? ''} -O2)`,
  unfit: ({ breaks = false }) => (breaks ? 'it repeats nothing' : undefined),
  async start(setting) {
    const ports = setting.services[0]!.endpoints.map((at) => at.split(':')[1]!);
    const process = launch([compile('forward'), String(setting.port), ...ports], setting);
    await process.answers(setting.port, 'bench');
    return process;
  },
};
