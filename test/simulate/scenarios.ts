/** What can happen to a service, each as a short script. Where nothing else is said: ten endpoints of four workers, at 60 % of what they can carry. */
import type { Scenario } from './play.js';

const usual = { servers: 10, callers: 10, workers: 4, workMs: 10, load: 0.6, lengthMs: 60_000, fromMs: 10_000 } as const;

export const scenarios = {
  calm: { ...usual, name: 'calm', what: 'nothing happens', script: () => undefined },
  slow: {
    ...usual,
    ...{ name: 'a slow one', what: 'one of ten takes three times as long, all the time', load: 0.5 },
    script: ({ become, servers }) => become(servers.slice(0, 1), { workMs: 30 }),
  },
  brownOut: {
    ...usual,
    ...{ name: 'brown-out', what: 'one of ten takes twenty times as long for 20 s, and fails nothing' },
    ...{ fromMs: 20_000, untilMs: 40_000 },
    script: ({ at, become, servers }) => {
      at(20_000, () => become(servers.slice(0, 1), { workMs: 200 }));
      at(40_000, () => become(servers.slice(0, 1), { workMs: 10 }));
    },
  },
  dying: {
    ...usual,
    ...{ name: 'a death', what: 'one of ten refuses connections from 20 s on, and leaves the list 30 s later' },
    ...{ fromMs: 20_000, untilMs: 50_000 },
    script: ({ at, become, leave, servers }) => {
      at(20_000, () => become(servers.slice(0, 1), { dead: true }));
      at(50_000, () => leave(servers.slice(0, 1)));
    },
  },
  grey: {
    ...usual,
    ...{ name: 'grey failure', what: 'one of ten never answers a third of its calls, from 20 s to 50 s' },
    ...{ fromMs: 20_000, untilMs: 50_000 },
    script: ({ at, become, servers }) => {
      at(20_000, () => become(servers.slice(0, 1), { silent: 1 / 3 }));
      at(50_000, () => become(servers.slice(0, 1), { silent: 0 }));
    },
  },
  correlated: {
    ...usual,
    ...{ name: 'correlated failure', what: 'all but two of ten never answer, from 20 s to 40 s', load: 0.14 },
    ...{ fromMs: 20_000 },
    script: ({ at, become, servers }) => {
      at(20_000, () => become(servers.slice(2), { silent: 1 }));
      at(40_000, () => become(servers.slice(2), { silent: 0 }));
    },
  },
  ill: {
    ...usual,
    ...{ name: 'ill and well again', what: 'one of ten answers 500 to everything from 20 s to 30 s' },
    ...{ fromMs: 20_000, wellAtMs: 30_000 },
    script: ({ at, become, servers }) => {
      at(20_000, () => become(servers.slice(0, 1), { bad: 1 }));
      at(30_000, () => become(servers.slice(0, 1), { bad: 0 }));
    },
  },
  illKeyed: {
    ...usual,
    ...{ name: 'ill and well again, by a key', what: 'calls are about 20,000 things; one of ten answers 500 from 20 s to 30 s' },
    ...{ fromMs: 20_000, wellAtMs: 30_000, keys: 20_000, load: 0.25 },
    script: ({ at, become, servers }) => {
      at(20_000, () => become(servers.slice(0, 1), { bad: 1 }));
      at(30_000, () => become(servers.slice(0, 1), { bad: 0 }));
    },
  },
  comesAndGoes: {
    ...usual,
    ...{ name: 'it comes and goes', what: 'one of ten answers 500 to everything for 2 s, and is well for 2 s, by turns' },
    ...{ fromMs: 20_000 },
    script: ({ at, become, servers }) => {
      for (let ms = 20_000; ms < 60_000; ms += 4_000) {
        at(ms, () => become(servers.slice(0, 1), { bad: 1 }));
        at(ms + 2_000, () => become(servers.slice(0, 1), { bad: 0 }));
      }
    },
  },
  threeIll: {
    ...usual,
    ...{ name: 'three ill ones', what: 'three of ten answer 500 to everything from 20 s on', load: 0.4, fromMs: 20_000 },
    script: ({ at, become, servers }) => at(20_000, () => become(servers.slice(0, 3), { bad: 1 })),
  },
  noise: {
    ...usual,
    ...{ name: 'noise', what: 'all of them lose one of ten calls without an answer, all the time', load: 0.3 },
    script: ({ become, servers }) => become(servers, { silent: 0.1 }),
  },
  dark: {
    ...usual,
    ...{ name: 'dark', what: 'all of them answer no call from 20 s to 30 s', fromMs: 20_000, untilMs: 30_000 },
    script: ({ at, become, servers }) => {
      at(20_000, () => become(servers, { silent: 1 }));
      at(30_000, () => become(servers, { silent: 0 }));
    },
  },
  lyingPages: {
    ...usual,
    ...{
      name: 'pages that lie',
      what: 'the health pages of all say that they are ill from 20 s on, and they are well',
      fromMs: 20_000,
    },
    script: ({ at, become, servers }) => at(20_000, () => become(servers, { pageLies: true })),
  },
  tooMuch: {
    ...usual,
    ...{ name: 'too much', what: 'for 5 s twice as many calls come as can be carried', fromMs: 20_000, lengthMs: 50_000 },
    load: (ms: number) => (ms >= 20_000 && ms < 25_000 ? 2 : 0.6),
    script: () => undefined,
  },
  keyed: {
    ...usual,
    ...{
      name: 'calls about something',
      what: 'what is new to a server takes it five times as long; one dies at 20 s and leaves at 30 s, another joins at 40 s',
    },
    ...{ keys: 20_000, load: 0.25, fromMs: 15_000 },
    script: ({ at, become, join, leave, servers }) => {
      become(servers, { cold: 5 });
      at(20_000, () => become(servers.slice(0, 1), { dead: true }));
      at(30_000, () => leave(servers.slice(0, 1)));
      at(40_000, () => become([join()], { cold: 5 }));
    },
  },
  newcomer: {
    ...usual,
    ...{
      name: 'a newcomer',
      what: 'one joins, of whom a hundred callers hear at once; it takes ten times as long for its first 10 s',
    },
    ...{ callers: 100, fromMs: 20_000, untilMs: 30_000 },
    script: ({ at, become, join }) =>
      at(20_000, () => {
        const server = join();
        become([server], { workMs: 100 });
        at(10_000, () => become([server], { workMs: 10 }));
      }),
  },
  zoneLoss: {
    ...usual,
    ...{
      name: 'loss of a zone',
      what: 'the four endpoints of one of three zones refuse connections from 20 s on, and leave 10 s later',
    },
    ...{ servers: 12, callers: 12, load: 0.4, fromMs: 20_000, untilMs: 40_000, zones: ['a', 'b', 'c'] },
    script: ({ at, become, leave, servers }) => {
      const lost = servers.filter(({ endpoint }) => endpoint.zone === 'a');
      at(20_000, () => become(lost, { dead: true }));
      at(30_000, () => leave(lost));
    },
  },
} as const satisfies Record<string, Scenario>;

/** For the speed of the simulator, and to see that numbers change nothing: many endpoints, or many callers. */
export const many = (servers: number, callers: number): Scenario => ({
  ...{ name: `${servers} endpoints, ${callers} callers`, what: 'one in a hundred is ten times as slow' },
  ...{ servers, callers, workers: 2, workMs: 100, load: 0.5, lengthMs: 3_000, fromMs: 1_000 },
  script: ({ become, servers: all }) => become(all.slice(0, Math.ceil(servers / 100)), { workMs: 1_000 }),
});
