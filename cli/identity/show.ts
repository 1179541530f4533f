import type { X509Certificate } from 'node:crypto';

import { IDENTITY_PAGE, type IdentityPage } from '../../api/identity-page.ts';
import { PROXY_ADMIN_PORT } from '../../api/ports.ts';
import { oneOf } from '../../core/config/setting-kinds.ts';
import { WeftError } from '../../core/errors/weft-error.ts';
import { getFromPod } from '../../core/kubernetes/port-forward.ts';
import { certificatesIn } from '../../core/pki/pem.ts';
import { readArguments, readValue } from '../command-line.ts';

/** `weft identity POD`. @returns the exit code */
export async function show(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(
    'identity',
    args,
    {
      namespace: { type: 'string', short: 'n', default: 'default' },
      output: { type: 'string', short: 'o', default: 'table' },
    },
    ['POD'],
  );
  const isJson = readValue('-o', values.output, oneOf(['table', 'json'])) === 'json';
  const pod = { namespace: values.namespace, name: positionals[0]! };
  const text = await getFromPod(pod, PROXY_ADMIN_PORT, IDENTITY_PAGE).catch((error: Error) => {
    throw new WeftError('proxy_unheard', error.message, { hint: UNHEARD, cause: error });
  });
  const report = identityReport(JSON.parse(text) as IdentityPage, Date.now());
  process.stdout.write(isJson ? `${JSON.stringify(report, null, 2)}\n` : table(report));
  return 0;
}

const UNHEARD =
  'does the pod run, and with a proxy (kubectl get pod)? may you forward its ports (kubectl auth can-i create pods/portforward)?';

/** What is shown of a certificate; times RFC 3339. */
interface Shown {
  readonly subject: string;
  readonly serial: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly sha256: string;
}

/** What a proxy's page comes to. Pure. @param nowMs milliseconds since the epoch */
export function identityReport(page: IdentityPage, nowMs: number) {
  const [leaf, ...authorities] = certificatesIn(page.chain);
  return {
    identity: page.identity,
    spiffe: page.spiffe,
    certificate: leaf ? shown(leaf) : null,
    leftSeconds: leaf ? Math.round((leaf.validToDate.getTime() - nowMs) / 1000) : 0,
    authorities: authorities.map(shown),
    roots: certificatesIn(page.trustBundle).map(shown),
    keyExchanges: page.keyExchanges,
    revoked: page.revoked,
  };
}

function shown(certificate: X509Certificate): Shown {
  return {
    // Node says undefined of an empty subject, whatever its types say.
    subject: (certificate.subject as string | undefined)?.replaceAll('\n', ', ') ?? '',
    serial: certificate.serialNumber,
    notBefore: certificate.validFromDate.toISOString(),
    notAfter: certificate.validToDate.toISOString(),
    sha256: certificate.fingerprint256,
  };
}

function table(report: ReturnType<typeof identityReport>): string {
  const { certificate, keyExchanges, revoked } = report;
  const exchanges = Object.entries(keyExchanges).map(([group, count]) => `${group} ${count}`);
  const validity = ({ notBefore, notAfter }: Shown) => `from ${notBefore} to ${notAfter}`;
  const authority = (each: Shown) => `${each.subject}, ${validity(each)}, SHA-256 ${each.sha256}`;
  return [
    `identity       ${report.identity}`,
    `               ${report.spiffe}`,
    ...(certificate
      ? [
          `serial number  ${certificate.serial}`,
          `valid          ${validity(certificate)}, ${report.leftSeconds} s left`,
        ]
      : ['certificate    none yet']),
    ...report.authorities.map((each) => `issued by      ${authority(each)}`),
    ...report.roots.map((each) => `trusts         ${authority(each)}`),
    `key exchange   ${exchanges.join(', ') || 'no connection to others yet'}`,
    `revoked        ${revoked.serials} serial numbers, ${revoked.identities} identities`,
    '',
  ].join('\n');
}
