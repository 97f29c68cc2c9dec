/**
 * Every fact worth telling, as one union. Parts emit facts; log.ts writes them, metrics.ts counts them, the admin shows the last
 * ones. No part logs by itself.
 */
import type { HealthFact } from '../health/ports.js';
import type { LbFact } from '../lb/facts.js';

export type SessionState = 'connecting' | 'connected' | 'suspended' | 'expired' | 'closed';

export type RegistryFact =
  | {
      readonly kind: 'session_changed';
      readonly state: SessionState;
      readonly session: string;
      readonly server?: string;
      readonly why?: string;
      /** The address of a registry beside the main one. */
      readonly registry?: string;
    }
  /** The session cannot be had, and the user can do something about it. Told once for each different sentence. */
  | {
      readonly kind: 'session_trouble';
      readonly why: string;
      readonly registry?: string;
      /** The server that wants another login than ours; '' where nobody knows which. */
      readonly demandedBy?: string;
    }
  | { readonly kind: 'registry_operation'; readonly op: string; readonly result: string; readonly ms: number }
  | {
      readonly kind: 'announced';
      readonly service: string;
      readonly path: string;
      readonly zxid: string;
      readonly how: 'created' | 'taken_over' | 'rewritten' | 'found';
      readonly weight: number;
      /** It says there that nobody is to call us. */
      readonly drained: boolean;
    }
  | {
      readonly kind: 'announce_failed';
      readonly service: string;
      readonly path: string;
      readonly why: string;
      /** It is to be taken away, and may stand there still. */
      readonly isWithdrawal: boolean;
      readonly againInMs: number;
    }
  /** Our node was changed or removed by somebody else, or went with its session. */
  | {
      readonly kind: 'announcement_lost';
      readonly service: string;
      readonly path: string;
      readonly by: LostBy;
      readonly why: string;
    }
  /** Another live sidecar has our id, host and port, and the node; told once, until we have it again. */
  | { readonly kind: 'announcement_contested'; readonly service: string; readonly path: string; readonly why: string }
  | { readonly kind: 'withdrawn'; readonly service: string; readonly path: string; readonly why: string }
  /** After a withdrawal: how many servers were asked for the last change that they know, and which of them did not know of it in time. */
  | { readonly kind: 'withdrawal_spread'; readonly servers: number; readonly behind: string; readonly ms: number }
  /** Told once for each version of the node. */
  | {
      readonly kind: 'znode_ignored';
      readonly service: string;
      readonly path: string;
      readonly reason: SkipReason;
      readonly detail: string;
    }
  /** Told when the data path has the list. `tookMs`: since a watch told of the first who joined or left; not where none did. */
  | {
      readonly kind: 'list_changed';
      readonly path: string;
      readonly joined: number;
      readonly left: number;
      readonly total: number;
      readonly tookMs?: number;
    }
  /** A bound was reached: watches of a session, names of peers, reads in flight. */
  | { readonly kind: 'bound_reached'; readonly bound: string; readonly limit: number; readonly detail: string }
  | { readonly kind: 'name_unresolved'; readonly host: string; readonly why: string };

/** A label of `zidecar_announcements_lost_total`, so the set is closed. */
export type LostBy = 'session' | 'removed' | 'taken_over' | 'changed';

/** Why a node beside valid ones is skipped; the label of `zidecar_znodes_ignored_total`, so the set is closed. */
export type SkipReason =
  | 'too_large'
  | 'unreadable'
  | 'empty'
  | 'not_json'
  | 'not_object'
  | 'bad_name'
  | 'bad_id'
  | 'bad_host'
  | 'bad_port'
  | 'bad_weight'
  | 'tls_only'
  | 'bad_type'
  | 'bad_status'
  | 'no_endpoint'
  | 'bad_encoding'
  | 'bad_url';

/** What is made of endpoints that the registry cannot confirm: see trust/. */
export type TrustFact =
  | { readonly kind: 'mass_drop'; readonly upstream: string; readonly vanished: number; readonly left: number }
  | { readonly kind: 'mass_drop_confirmed'; readonly upstream: string; readonly endpoints: number }
  /** It could not be reached, or somebody else answered in its place. */
  | { readonly kind: 'doubtful_dropped'; readonly upstream: string; readonly endpoint: string; readonly why: string }
  | {
      readonly kind: 'doubts_overruled';
      readonly upstream: string;
      readonly what: 'trust' | 'drop';
      readonly endpoints: number;
    }
  | { readonly kind: 'identity_asked'; readonly result: ProofKind }
  | { readonly kind: 'snapshot_read'; readonly path: string; readonly upstreams: number; readonly ageMs: number }
  /** `taken`: of so many services in it the lists are. */
  | { readonly kind: 'snapshot_ignored'; readonly path: string; readonly why: string; readonly taken: number };

/** The label of `zidecar_identity_questions_total`, so the set is closed. */
export type ProofKind = 'same' | 'foreign' | 'other' | 'withdrawn' | 'silent' | 'refused';

export type Phase = 'starting' | 'ready' | 'draining' | 'stopped';

export type LifecycleFact =
  | { readonly kind: 'phase_changed'; readonly phase: Phase; readonly why: string }
  | {
      readonly kind: 'listening';
      readonly what: 'outbound' | 'admin' | 'health' | 'upstream';
      readonly at: string;
      readonly upstream?: string;
    }
  | { readonly kind: 'child_started'; readonly command: string; readonly pid: number }
  | { readonly kind: 'child_ended'; readonly code: number; readonly signal?: string }
  /** `changed`, `needsRestart`: what is different, joined by `; `; empty: nothing. */
  | { readonly kind: 'config_reloaded'; readonly why: string; readonly changed: string; readonly needsRestart: string }
  /** What was read makes no sense, and has changed nothing. */
  | { readonly kind: 'config_refused'; readonly why: string; readonly problems: string }
  | { readonly kind: 'warned'; readonly why: string }
  /** So many more facts of one kind about one subject, which were not told one by one: see floods.ts. */
  | { readonly kind: 'left_out'; readonly of: string; readonly about: string; readonly count: number };

export type Fact = LbFact | HealthFact | RegistryFact | TrustFact | LifecycleFact;
export type Emit = (fact: Fact) => void;
