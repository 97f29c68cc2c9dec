/** What somebody would write today who needs a proxy in Node: with http-proxy, and with undici. Small programs beside this file. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { launch, type Contender } from './contender.js';

const versionOf = (name: string): string => {
  const manifest = readFileSync(new URL(`../../../../node_modules/${name}/package.json`, import.meta.url), 'utf8');
  return `${name} ${(JSON.parse(manifest) as { version: string }).version}, Node ${process.versions.node}`;
};

const program = (name: 'http-proxy' | 'undici', title: string, upgrades: boolean): Contender => ({
  id: name,
  title,
  settlesInMs: 3_500,
  version: () => versionOf(name),
  unfit: ({ breaks = false, services = 1, load }) =>
    breaks
      ? 'it repeats nothing'
      : services > 1
        ? 'it was taught one service'
        : load.websocket !== undefined && !upgrades
          ? 'no upgrades'
          : undefined,
  async start(setting) {
    const script = fileURLToPath(new URL(`./${name}-program.js`, import.meta.url));
    const process_ = launch([process.execPath, script, String(setting.port), ...setting.services[0]!.endpoints], setting);
    await process_.answers(setting.port, 'bench');
    return process_;
  },
});

export const httpProxy = program('http-proxy', 'http-proxy', true);
export const undici = program('undici', 'undici behind node:http', false);
