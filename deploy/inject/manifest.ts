/**
 * A manifest, which may hold many documents and lists, in; the same manifest out, each pod in it changed. What is not changed stays as
 * it was to the byte, and a document that cannot be read stays as well, with what is wrong with it.
 */
import { wish } from './annotations.js';
import { changes, type Change } from './changes.js';
import type { Verdict } from './inject.js';
import { at, isMap, mapAt, putAt, textAt, type Json, type JsonMap } from './json.js';
import { findWorkloads, type Found, type Workload } from './workloads.js';
import { changeYaml, parseYaml, YamlProblem } from './yaml-text.js';

/** What is done with a pod. */
export type Transform = (
  pod: JsonMap,
  workload: Workload,
) => { readonly kind: 'injected' | 'uninjected'; readonly pod: JsonMap } | Exclude<Verdict, { readonly kind: 'injected' }>;

export interface Remark {
  /** `wrong`: somebody has to mend something. */
  readonly kind: 'injected' | 'uninjected' | 'left' | 'note' | 'wrong';
  /** `deployment/orders`, or where in the file. */
  readonly about: string;
  readonly text: string;
}

/** One document in a manifest, with the `---` before it. */
export interface Part {
  /** The first is 1; nothing but comments and directives counts with the document behind it. */
  readonly number: number;
  readonly line: number;
  readonly text: string;
}

/** Namespaces that want no sidecars, by what the manifests say of them. */
export type Unwanted = ReadonlySet<string>;

/** A line that begins with `---` begins a document: neither a block nor a quoted text can hold one. */
export function parts(text: string): readonly Part[] {
  let [line, number] = [1, 1];
  return text.split(/^(?=---(?:\s|$))/m).map((part) => {
    const found = { number, line, text: part };
    line += part.split('\n').length - 1;
    if (!isPreamble(part)) number++;
    return found;
  });
}

/** Before the first `---`: comments and `%YAML`, which are no document. */
const isPreamble = (text: string): boolean => text.split('\n').every((line) => /^\ufeff?\s*(#|$)|^%/.test(line));

export function unwantedNamespaces(all: readonly Part[]): Unwanted {
  const found = new Set<string>();
  for (const { text } of all) {
    if (!/zidecar\.dev\/inject/.test(text) || !/\bNamespace\b/.test(text)) continue;
    try {
      const { value } = parseYaml(text);
      const name = textAt(value, 'metadata', 'name');
      if (textAt(value, 'kind') === 'Namespace' && name !== undefined && wish(mapAt(value, 'metadata')) === 'disabled')
        found.add(name);
    } catch (error) {
      if (!(error instanceof YamlProblem)) throw error; // it will be told when its turn comes
    }
  }
  return found;
}

export function changePart(
  part: Part,
  transform: Transform,
  unwanted: Unwanted = new Set(),
): { readonly text: string; readonly remarks: readonly Remark[] } {
  if (isPreamble(part.text)) return { text: part.text, remarks: [] };
  try {
    return changeObjects(part, transform, unwanted);
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error;
    const what = error.message.replace(/\bat line (\d+)/g, (_, line) => `at line ${part.line - 1 + Number(line)}`);
    return {
      text: part.text,
      remarks: [{ kind: 'wrong', about: `document ${part.number} (from line ${part.line})`, text: what }],
    };
  }
}

function changeObjects({ text }: Part, transform: Transform, unwanted: Unwanted): ReturnType<typeof changePart> {
  const json = fromJson(text);
  const yaml = json === undefined ? parseYaml(text) : { text, value: json };
  const remarks: Remark[] = [];
  const steps: Change[] = [];
  let after = yaml.value;
  for (const found of findWorkloads(yaml.value)) {
    const about = `${found.kind.toLowerCase()}/${found.name}`;
    const pod = at(yaml.value, found.path);
    const outcome = isMap(pod) ? consider(pod, found, transform, unwanted) : { kind: 'left' as const, reason: 'it has no pod' };
    if (outcome.kind === 'left') remarks.push({ kind: 'left', about, text: outcome.reason });
    else if (outcome.kind === 'refused')
      remarks.push(...outcome.problems.map((what): Remark => ({ kind: 'wrong', about, text: what })));
    else {
      const {
        kind,
        told = '',
        notes = [],
      } = outcome as { readonly told?: string; readonly notes?: readonly string[] } & typeof outcome;
      remarks.push({ kind, about, text: told }, ...notes.map((note): Remark => ({ kind: 'note', about, text: note })));
      after = putAt(after, found.path, outcome.pod);
      steps.push(...changes(pod!, outcome.pod, found.path));
    }
  }
  if (steps.length === 0) return { text, remarks };
  if (json !== undefined) return { text: asJson(text, after), remarks };
  const changed = changeYaml(yaml, steps, after);
  if (changed.anew)
    remarks.push({
      kind: 'note',
      about: remarks[0]!.about,
      text: 'its document could not be changed line by line: comments and order are kept, its layout may differ',
    });
  return { text: changed.text, remarks };
}

function consider(pod: JsonMap, found: Found, transform: Transform, unwanted: Unwanted): ReturnType<Transform> {
  if (!found.known) return { kind: 'left', reason: `the kind ${found.kind} is not one of Kubernetes' own` };
  const namespace = found.namespace ?? textAt(pod, 'metadata', 'namespace') ?? 'default';
  if (unwanted.has(namespace) && wish(mapAt(pod, 'metadata')) !== 'enabled') {
    return { kind: 'left', reason: `its namespace ${namespace} says zidecar.dev/inject: disabled` };
  }
  return transform(pod, found);
}

function fromJson(text: string): Json | undefined {
  if (!/^\s*[{[]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined; // YAML may begin so too
  }
}

const asJson = (text: string, value: Json): string => {
  const indent = /^\s*[{[]\r?\n([ \t]+)/.exec(text)?.[1];
  return JSON.stringify(value, undefined, indent) + (/\n\s*$/.exec(text) ? '\n' : '');
};
