import type { IpNetworks } from '../../../core/config/ip-networks.ts';
import type { ServicePort } from '../kubernetes/service-port.ts';
import type { Meta } from '../meta.ts';
import type { ExportTo } from './visibility.ts';

/**
 * Hosts that are no Services of the cluster, as they are written.
 *
 * Source: https://istio.io/latest/docs/reference/config/networking/service-entry/
 */
export interface ServiceEntry extends Meta {
  /** In lower case, without a dot at the end; `*.` before a name stands for every name below it. */
  readonly hosts: readonly string[];
  /** Addresses and CIDRs that clients dial for the first host. */
  readonly addresses: readonly string[];
  /** The same, for look-ups. */
  readonly networks: IpNetworks;
  readonly ports: readonly ServicePort[];
  readonly exportTo: ExportTo;
  /** `none`: where the client dialled; `static`: addresses; `dns`: names, or the host itself where there are none. */
  readonly resolution: 'none' | 'static' | 'dns';
  readonly endpoints: readonly EntryEndpoint[];
}

/** One place that serves a host, as it is written. Source: WorkloadEntry. */
export interface EntryEndpoint {
  /** Address, or with `dns` a name. */
  readonly address: string;
  /** By the names of the entry's ports; others are as the entry says. */
  readonly ports: Readonly<Record<string, number>>;
  readonly labels: Readonly<Record<string, string>>;
  /** `region/zone/subzone`, unknown parts empty. */
  readonly locality: string;
}
