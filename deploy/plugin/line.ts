/**
 * The command line of `kubectl zidecar`: what is asked of a pod's sidecar becomes a `kubectl exec` of the same words in its container, so
 * that kubectl alone talks to the cluster, with the rights and the context of whoever types. What needs no cluster is done here.
 */
import { nearest } from '../../agent/config/nearest.js';
import { printable, quote } from '../../agent/printable.js';
import { NAME } from '../inject/sidecar.js';

export type Line =
  /** The words for kubectl. */
  | { readonly kind: 'kubectl'; readonly args: readonly string[] }
  /** A command of zidecar itself. */
  | { readonly kind: 'own'; readonly argv: readonly string[] }
  | { readonly kind: 'print'; readonly text: string; readonly exitCode: 0 | 64 };

const HELP = `kubectl zidecar asks the sidecar of a pod, through kubectl exec.

  kubectl zidecar status POD            how it is
  kubectl zidecar why POD NAME          why calls to NAME go where they go
  kubectl zidecar why POD --call URL    what would become of that call
  kubectl zidecar events POD            what has happened in it
  kubectl zidecar drain POD             withdraw its app; the pod lives on
  kubectl zidecar undrain POD           take that back
  kubectl zidecar doubtful POD NAME     with --drop or --trust: overrule its doubts
  kubectl zidecar inject [PATH...]      put the sidecar into manifests

POD is a pod, or TYPE/NAME as for kubectl exec: deployment/orders. Flags of kubectl:
-n, --namespace, --context, --kubeconfig, --cluster, --user; and those of the same
command of zidecar, such as --json.
`;

/** Of the commands that ask a sidecar: how many names follow the pod. */
const asking: Readonly<Record<string, number>> = { status: 0, why: 1, events: 0, drain: 0, undrain: 0, doubtful: 1 };
const names = [...Object.keys(asking), 'inject', 'help'];
const ofKubectl = ['-n', '--namespace', '--context', '--kubeconfig', '--cluster', '--user'];
/** Flags of ours whose value may be the next word. */
const withValue = ['--call', '--header', '-H', '--method', '--admin', '--config'];

/** `argv` is what follows `kubectl zidecar`. Never throws. */
export function pluginLine(argv: readonly string[]): Line {
  const forKubectl: string[] = [];
  const words: string[] = [];
  const flags: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index]!;
    const flag = word.replace(/=.*$/s, '');
    if (words[0] === 'inject') words.push(word);
    else if (ofKubectl.includes(flag)) {
      const value = word === flag ? argv[++index] : undefined;
      if (word === flag && value === undefined) return misuse(`${flag} needs a value`);
      forKubectl.push(word, ...(value === undefined ? [] : [value]));
    } else if (word === flag && withValue.includes(word) && argv[index + 1] !== undefined) flags.push(word, argv[++index]!);
    else (word.startsWith('-') ? flags : words).push(word);
  }
  const [command, pod, ...more] = words;
  if (command === 'inject') return { kind: 'own', argv: words };
  if (command === undefined || command === 'help' || flags.includes('--help') || flags.includes('-h')) {
    return { kind: 'print', text: HELP, exitCode: command === undefined && flags.length === 0 ? 64 : 0 };
  }
  const call = command === 'why' && flags.some((flag) => flag.startsWith('--call'));
  const wanted = call ? 0 : Object.hasOwn(asking, command) ? asking[command] : undefined;
  if (wanted === undefined) return misuse(`${quote(command)} is not a command; the nearest is ${nearest(command, names)}`);
  if (pod === undefined) return misuse(`${command} needs a pod: kubectl zidecar ${command} POD${wanted === 1 ? ' NAME' : ''}`);
  if (more.length < wanted)
    return misuse(`${command} needs the name of a peer: kubectl zidecar ${command} ${printable(pod, 80)} NAME`);
  if (more.length > wanted) return misuse(`${command} does not take ${quote(more[wanted]!)}`);
  return { kind: 'kubectl', args: [...forKubectl, 'exec', pod, '-c', NAME, '--', NAME, command, ...more, ...flags] };
}

const misuse = (text: string): Line => ({ kind: 'print', text: `${text}. See kubectl zidecar help\n`, exitCode: 64 });
