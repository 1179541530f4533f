import { createHash } from 'node:crypto';
import { NO_REVOCATIONS, REVOCATIONS_CONFIG_MAP, type Revocations } from '../../api/revocations.ts';
import type { InboundConfig, OutboundTarget, Route } from '../../api/routing.ts';
import {
  INBOUND_TARGET,
  REVOKED_TARGET,
  type ServerMessage,
  type TargetKey,
  type WATCH_FEATURES,
} from '../../api/watch.ts';
import type { Clock } from '../../core/time/clock.ts';
import { Cluster } from '../objects/cluster.ts';
import type { FetchedKeys } from '../objects/fetched-keys.ts';
import { KINDS, type Kind } from '../objects/kinds.ts';
import type { MeshDomain } from '../objects/mesh-domain.ts';
import type { ObjectFeed } from '../objects/object-feed.ts';
import type { Complain } from '../objects/object-ref.ts';
import type { Report, Reports } from '../objects/reports.ts';
import { type ClientPlace, ClientView, type Facet, viewKey } from '../translate/client-view.ts';
import { inboundConfig } from '../translate/inbound-config.ts';
import type { Inquiry } from '../translate/inquiry.ts';
import { outboundTarget } from '../translate/outbound-target.ts';
import { parseTarget } from '../translate/target.ts';
import { endpointChange } from './endpoint-change.ts';
import type { Workload } from './peer.ts';
import { Publication } from './publication.ts';

/**
 * Keeps every publication that somebody reads up to date.
 *
 * A batch of changes marks the publications whose computation looked at something that changed; they are computed again
 * in the next turn of the event loop, in slices of {@link SLICE_MS}, so that streams are served in between.
 */
export class Publisher {
  readonly #cluster = new Cluster();
  readonly #domain: MeshDomain;
  readonly #reports: Reports;
  readonly #clock: Clock;
  readonly #views = new Map<string, View>();
  readonly #viewOf = new Map<Publication, View>();
  readonly #viewsByTopic = new Map<string, Set<View>>();
  readonly #stale = new Set<View>();
  readonly #unlisten: () => void;
  #isScheduled = false;
  #flushedAt = Number.NEGATIVE_INFINITY;

  constructor(options: { objects: ObjectFeed; domain: MeshDomain; reports: Reports; clock: Clock }) {
    this.#domain = options.domain;
    this.#reports = options.reports;
    this.#clock = options.clock;
    for (const kind of Object.keys(KINDS) as Kind[]) {
      for (const object of options.objects.list(kind))
        this.#cluster.apply([{ kind, before: null, after: object } as never]);
    }
    this.#unlisten = options.objects.onChange((changes) => {
      this.#touch(this.#cluster.apply(changes));
    });
  }

  /** Takes over what is known of the keys at a URL; null: nothing any more. */
  applyKeys(url: string, fetched: FetchedKeys | null): void {
    this.#touch(this.#cluster.applyKeys(url, fetched));
  }

  /** What is known, as of the last change of the objects. */
  get cluster(): Cluster {
    return this.#cluster;
  }

  /** Number of publications that somebody reads. */
  get size(): number {
    return this.#views.size;
  }

  /**
   * What a client is told of a target, shared with every client that is told the same: those of its namespace, or those
   * of its zone, node or labels where the target's Service or its routes make a difference. {@link release} it when its last subscriber has gone.
   */
  outbound(target: TargetKey, client: ClientPlace): Publication {
    let view = this.#openOutbound(target, client, new Set());
    while (!isCovered(view)) {
      const coarse = view;
      view = this.#openOutbound(target, client, new Set([...coarse.facets, ...coarse.needed]));
      this.release(coarse.publication);
    }
    return view.publication;
  }

  /** Where a workload's pod runs, as far as it is known. */
  placeOf({ namespace, pod }: Workload): ClientPlace {
    const { node, labels } = this.#cluster.get('Pod', namespace, pod) ?? { node: '', labels: {} };
    const { zone, locality } = this.#cluster.get('Node', '', node) ?? { zone: '', locality: '' };
    return { namespace, node, zone, locality, labels };
  }

  /** What a pod's proxy enforces; nothing as long as the pod of that name, UID and account is not known. */
  inbound(workload: Workload): Publication {
    const view = this.#open(
      `inbound/${workload.namespace}/${workload.pod}/${workload.uid}/${workload.serviceAccount}`,
      INBOUND_TARGET,
      new Set(),
      (view, inquiry) => {
        const pod = this.#cluster.get('Pod', workload.namespace, workload.pod);
        const isSame =
          pod && (pod.uid === workload.uid || pod.uid === '') && pod.serviceAccount === workload.serviceAccount;
        if (isSame) this.#publishInbound(view, inboundConfig(inquiry, pod));
      },
    );
    return view.publication;
  }

  /** Whom nobody trusts any more, by the ConfigMap of Weft's own namespace; a ConfigMap of that name elsewhere says nothing. */
  revocations(): Publication {
    const view = this.#open(REVOKED_TARGET, REVOKED_TARGET, new Set(), (view) => {
      const revocations = this.revoked;
      const version = hash(JSON.stringify(revocations));
      if (version === view.publication.version) return;
      const message = { type: 'revoked', target: REVOKED_TARGET, version, revocations } as const;
      view.publication.publish(version, () => lineOf(message), null);
    });
    return view.publication;
  }

  /** The same, as it is now. */
  get revoked(): Revocations {
    const list = this.#cluster.get('RevocationList', this.#domain.controlNamespace, REVOCATIONS_CONFIG_MAP);
    return list ? { serials: list.serials, identities: list.identities } : NO_REVOCATIONS;
  }

  /** Forgets a publication that has no subscriber left. */
  release(publication: Publication): void {
    const view = this.#viewOf.get(publication);
    if (!view || publication.subscribers.size > 0) return;
    this.#views.delete(view.key);
    this.#viewOf.delete(publication);
    this.#stale.delete(view);
    this.#track(view, new Set());
    this.#reports.set(`view/${view.key}`, []);
  }

  /** Ends the listening to changes. */
  close(): void {
    this.#unlisten();
    this.#stale.clear();
  }

  #openOutbound(target: TargetKey, client: ClientPlace, facets: ReadonlySet<Facet>): View {
    const address = parseTarget(target);
    const key = `outbound/${client.namespace}${viewKey(client, facets)}/${target}`;
    return this.#open(key, target, facets, (view, inquiry) => {
      const seen = new ClientView(client);
      const outbound = address && outboundTarget({ ...inquiry, client: seen }, address);
      view.needed = seen.facets;
      // What holds for some of the subscribers alone is told to none.
      if (isCovered(view)) this.#publishOutbound(view, outbound);
    });
  }

  #open(key: string, target: TargetKey, facets: ReadonlySet<Facet>, compute: View['compute']): View {
    const existing = this.#views.get(key);
    if (existing) return existing;
    const view: View = {
      key,
      publication: new Publication(target),
      facets,
      needed: facets,
      compute,
      topics: new Set(),
      outbound: undefined,
    };
    this.#views.set(key, view);
    this.#viewOf.set(view.publication, view);
    this.#compute(view);
    return view;
  }

  /** What looked at any of these is computed again. */
  #touch(topics: ReadonlySet<string>): void {
    for (const topic of topics) for (const view of this.#viewsByTopic.get(topic) ?? []) this.#stale.add(view);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#stale.size === 0) return;
    this.#isScheduled = true;
    const flush = () => {
      this.#isScheduled = false;
      this.#flush();
    };
    const waitMs = this.#flushedAt + MIN_INTERVAL_MS - this.#clock.monotonic();
    if (waitMs > 0) this.#clock.after(waitMs, flush);
    else setImmediate(flush);
  }

  #flush(): void {
    const until = this.#clock.monotonic() + SLICE_MS;
    for (const view of this.#stale) {
      this.#stale.delete(view);
      this.#compute(view);
      if (this.#clock.monotonic() > until) break;
    }
    this.#flushedAt = this.#clock.monotonic();
    this.#schedule();
  }

  #compute(view: View): void {
    const reports: Report[] = [];
    const complain: Complain = (object, path, message) => reports.push({ object, path, message, place: '' });
    const inquiry = { cluster: this.#cluster, domain: this.#domain, complain };
    const { topics } = this.#cluster.observe(() => view.compute(view, inquiry));
    this.#track(view, topics);
    this.#reports.set(`view/${view.key}`, reports);
    if (isCovered(view)) return;
    for (const subscriber of [...view.publication.subscribers]) subscriber.onMoved(view.publication);
  }

  #track(view: View, topics: ReadonlySet<string>): void {
    for (const topic of view.topics) {
      if (topics.has(topic)) continue;
      const views = this.#viewsByTopic.get(topic)!;
      views.delete(view);
      if (views.size === 0) this.#viewsByTopic.delete(topic);
    }
    for (const topic of topics) {
      const views = this.#viewsByTopic.get(topic);
      if (views) views.add(view);
      else this.#viewsByTopic.set(topic, new Set([view]));
    }
    view.topics = topics;
  }

  #publishOutbound(view: View, outbound: OutboundTarget | null): void {
    const { publication } = view;
    const { target } = publication;
    const body = JSON.stringify(outbound);
    const version = hash(body);
    if (version === publication.version) return;
    const change = view.outbound && outbound ? endpointChange(view.outbound, outbound) : null;
    const step = change && {
      from: publication.version,
      line: Buffer.from(lineOf({ type: 'delta', target, version, from: publication.version, ...change })),
    };
    view.outbound = outbound;
    const head = JSON.stringify({
      type: 'snapshot',
      target,
      version,
      requires: outbound ? [...featuresOf(outbound.routes), ...policyFeaturesOf(outbound)] : [],
    });
    publication.publish(version, () => `${head.slice(0, -1)},"outbound":${body}}\n`, step);
  }

  #publishInbound({ publication }: View, inbound: InboundConfig): void {
    const version = hash(JSON.stringify(inbound));
    if (version === publication.version) return;
    const requires = [
      ...featuresOf(inbound.ports.flatMap(({ routes }) => Object.values(routes).flat())),
      ...accessFeaturesOf(inbound),
    ];
    publication.publish(
      version,
      () => lineOf({ type: 'inbound', target: INBOUND_TARGET, version, requires, inbound }),
      null,
    );
  }
}

/** A publication and what it is made of. */
interface View {
  readonly key: string;
  readonly publication: Publication;
  /** In what its subscribers are the same, besides their namespace. */
  readonly facets: ReadonlySet<Facet>;
  /** In what they would have to be the same, as last computed. */
  needed: ReadonlySet<Facet>;
  readonly compute: (view: View, inquiry: Inquiry) => void;
  /** What the last computation looked at. */
  topics: ReadonlySet<string>;
  /** The state last published; undefined before the first and for inbound configurations. */
  outbound: OutboundTarget | null | undefined;
}

/** Whether what was computed holds for every subscriber. */
function isCovered({ facets, needed }: View): boolean {
  return [...needed].every((facet) => facets.has(facet));
}

/** A message as it travels: JSON, ended by a line feed, of which JSON text itself has none. */
export function lineOf(message: ServerMessage): string {
  return `${JSON.stringify(message)}\n`;
}

/** Version of a state: the same state has the same version in every replica and after every restart. */
export function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}

function accessFeaturesOf({ access, ports, tokenRules }: InboundConfig): readonly (typeof WATCH_FEATURES)[number][] {
  const hasAccess = access || ports.some(({ authorizations, accessRoutes }) => authorizations ?? accessRoutes);
  return [...(hasAccess ? (['access'] as const) : []), ...(tokenRules ? (['request-authentication'] as const) : [])];
}

function featuresOf(routes: readonly Route[]): readonly (typeof WATCH_FEATURES)[number][] {
  const hasSplit = routes.some(({ split }) => split.length > 0);
  return [...(routes.length > 0 ? (['routes'] as const) : []), ...(hasSplit ? (['splits'] as const) : [])];
}

/** What a proxy that knows only routes and splits would pass over, and so send requests where nobody meant them to go. */
function policyFeaturesOf({
  routes,
  unmatched,
  connectionRoutes,
  backends,
}: OutboundTarget): readonly ['traffic-policy'?] {
  const hasPolicy =
    unmatched !== undefined ||
    connectionRoutes !== undefined ||
    routes.some(({ filters, split }) => filters ?? split.some((each) => each.filters)) ||
    Object.values(backends).some((each) => each.balancer ?? each.limits ?? each.breaker ?? each.whenEmpty);
  return hasPolicy ? ['traffic-policy'] : [];
}

/** Changes that follow one another closer than this are computed together, milliseconds. */
const MIN_INTERVAL_MS = 10;
/** Longest time for which computing holds up the event loop, milliseconds. */
const SLICE_MS = 10;
