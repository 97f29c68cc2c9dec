/**
 * Which registry a snapshot is of: the places where it is found, one for each server with the chroot behind it, or its folder. Two are the
 * same where one place is in both: an ensemble's list is reordered, grows and shrinks, while another ensemble shares no server, and
 * another chroot no name. A list replaced as a whole counts as another registry: no list is better than one of strangers.
 */
import { address } from '../../lb/endpoint.js';
import type { Zookeeper } from '../config/addresses.js';

/** `zk1:2181/chroot`, `dir:/folder`. */
export type Places = readonly string[];

export const placesOf = (registry: Zookeeper): Places =>
  registry.kind === 'directory'
    ? [`dir:${registry.path}`]
    : registry.servers.map((server) => `${address(server).toLowerCase()}${registry.chroot}`);

export const isSameRegistry = (one: Places, other: Places): boolean => one.some((place) => other.includes(place));
