/** Rules as promtool reads them, and what their tests say. That their names are real is held in compose/run.test.ts. */
import { match } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { needsProgram } from '../support/needs.js';

describe('the alerts', { skip: needsProgram('promtool', 'prometheus') }, () => {
  const promtool = (...args: string[]): string => execFileSync('promtool', args, { cwd: 'deploy/monitoring', encoding: 'utf8' });

  it('are rules that Prometheus takes', () => {
    match(promtool('check', 'rules', 'alerts.yaml'), /SUCCESS: 13 rules found/);
  });

  it('fire on what they are for and on nothing beside it', () => {
    match(promtool('test', 'rules', 'alerts.test.yaml'), /SUCCESS/);
  });
});
