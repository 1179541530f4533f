import { createSocket, type Socket } from 'node:dgram';

import type { Plan } from './plan.ts';

/** Addresses of a name; null: there is no such name. */
export type Resolve = (name: string) => { readonly ipv4: readonly string[]; readonly ipv6: readonly string[] } | null;

const TYPE_A = 1;
const TYPE_AAAA = 28;
const NXDOMAIN = 3;
const FORMERR = 1;

/** A small authoritative DNS server for the names of the local mesh, over UDP (RFC 1035, RFC 3596). */
export function serveDns(address: string, resolve: Resolve): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const reply = answerQuery(query, resolve);
    if (reply) socket.send(reply, from.port, from.address);
  });
  return new Promise((done, reject) => {
    socket.once('error', reject);
    socket.bind(53, address, () => done(socket));
  });
}

/** Names of Services and of the pods of headless ones, absolute; of the families that the Service asks for. */
export function serviceNames(plan: Plan): Resolve {
  const names = new Map<string, ReturnType<Resolve>>();
  for (const { object, name, namespace, clusterIp } of plan.services) {
    const spec = object.spec as { selector?: Record<string, string>; ipFamilies?: string[]; ipFamilyPolicy?: string };
    const { selector = {} } = spec;
    const families = spec.ipFamilies ?? (/DualStack$/.test(spec.ipFamilyPolicy ?? '') ? ['IPv4', 'IPv6'] : ['IPv4']);
    const ofFamilies = (ips: readonly string[]) => ({
      ipv4: ips.filter((ip) => !ip.includes(':') && families.includes('IPv4')),
      ipv6: ips.filter((ip) => ip.includes(':') && families.includes('IPv6')),
    });
    const pods = plan.pods.filter(
      (pod) =>
        pod.namespace === namespace && Object.entries(selector).every(([key, value]) => pod.labels[key] === value),
    );
    const fqdn = `${name}.${namespace}.svc.cluster.local`;
    if (clusterIp !== 'None') {
      names.set(fqdn, {
        ipv4: clusterIp.includes(':') ? [] : [clusterIp],
        ipv6: clusterIp.includes(':') ? [clusterIp] : [],
      });
      continue;
    }
    names.set(fqdn, ofFamilies(pods.flatMap(({ ips }) => ips)));
    for (const pod of pods) names.set(`${pod.name}.${fqdn}`, ofFamilies(pod.ips));
  }
  return (name) => names.get(name) ?? null;
}

/** The answer to one query, or null where nothing should be answered. */
export function answerQuery(query: Buffer, resolve: Resolve): Buffer | null {
  if (query.length < 12 || query[2]! & 0x80) return null; // too short, or itself an answer
  const labels: string[] = [];
  let at = 12;
  while (at < query.length && query[at] !== 0) {
    const length = query[at]!;
    if (length > 63 || at + 1 + length > query.length) return header(query, FORMERR, 0);
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  if (at + 5 > query.length) return header(query, FORMERR, 0);
  const type = query.readUInt16BE(at + 1);
  const question = query.subarray(12, at + 5);
  const found = resolve(labels.join('.').toLowerCase());
  if (!found) return Buffer.concat([header(query, NXDOMAIN, 0), question]);
  const records =
    type === TYPE_A
      ? found.ipv4.map((ip) => record(TYPE_A, ipv4Octets(ip)))
      : type === TYPE_AAAA
        ? found.ipv6.map((ip) => record(TYPE_AAAA, ipv6Octets(ip)))
        : [];
  return Buffer.concat([header(query, 0, records.length), question, ...records]);
}

function header(query: Buffer, code: number, answers: number): Buffer {
  const reply = Buffer.alloc(12);
  query.copy(reply, 0, 0, 2);
  reply[2] = 0x84 | (query[2]! & 0x01); // answer, authoritative; recursion desired is echoed
  reply[3] = code;
  reply.writeUInt16BE(1, 4);
  reply.writeUInt16BE(answers, 6);
  return reply;
}

function record(type: number, data: Buffer): Buffer {
  const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 5, 0, data.length]); // the name of the question, IN, 5 s
  return Buffer.concat([head, data]);
}

function ipv4Octets(ip: string): Buffer {
  return Buffer.from(ip.split('.').map(Number));
}

function ipv6Octets(ip: string): Buffer {
  const [left = '', right] = ip.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const before = groups(left);
  const after = right === undefined ? [] : groups(right);
  const all = right === undefined ? before : [...before, ...Array(8 - before.length - after.length).fill(0), ...after];
  const octets = Buffer.alloc(16);
  for (const [i, group] of all.entries()) octets.writeUInt16BE(group, i * 2);
  return octets;
}
