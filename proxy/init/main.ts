import { parseArgs } from 'node:util';

import { PROXY_UID } from '../../api/names.ts';
import { PROXY_ADMIN_PORT, PROXY_INBOUND_PORT, PROXY_OUTBOUND_PORT } from '../../api/ports.ts';
import { ConfigError, EXIT_CONFIG } from '../../core/config/environment.ts';
import { PortRanges } from '../../core/config/port-ranges.ts';
import { WeftError } from '../../core/errors/weft-error.ts';
import { findFlavour, hasIpv6, Iptables } from './iptables.ts';
import { type RedirectSettings, restoreInput } from './rules.ts';

/** sysexits EX_NOPERM. */
const EXIT_NO_PERMISSION = 77;

const USAGE = `usage: init [options]

Writes the rules that send a pod's TCP traffic through its proxy. Run again, it leaves the same rules.

  --inbound-port PORT          the proxy's inbound port (${PROXY_INBOUND_PORT})
  --outbound-port PORT         the proxy's outbound port (${PROXY_OUTBOUND_PORT})
  --proxy-uid UID              user whose traffic is left alone (${PROXY_UID})
  --skip-inbound-ports LIST    ports that are not redirected, "80,443,8000-8010" (${PROXY_ADMIN_PORT})
  --skip-outbound-ports LIST   ports that are not redirected ("")
  --skip-subnets LIST          CIDRs that are not redirected ("")
  --simulate                   print the rules and change nothing
  --help                       print this
`;

function main(): void {
  const { values } = parseArgs({
    options: {
      'inbound-port': { type: 'string', default: String(PROXY_INBOUND_PORT) },
      'outbound-port': { type: 'string', default: String(PROXY_OUTBOUND_PORT) },
      'proxy-uid': { type: 'string', default: String(PROXY_UID) },
      'skip-inbound-ports': { type: 'string', default: String(PROXY_ADMIN_PORT) },
      'skip-outbound-ports': { type: 'string', default: '' },
      'skip-subnets': { type: 'string', default: '' },
      simulate: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(USAGE);
  const settings = readSettings(values);
  if (values.simulate) return void process.stdout.write(restoreInput(settings, 4, '') + restoreInput(settings, 6, ''));

  const flavour = findFlavour();
  for (const family of [4, 6] as const) {
    if (family === 6 && !hasIpv6()) {
      process.stdout.write('IPv6 is absent here: no rules for it\n');
      continue;
    }
    const tables = new Iptables(family, flavour);
    const input = restoreInput(settings, family, tables.save());
    tables.restore(input);
    process.stdout.write(
      `IPv${family} (${flavour}): inbound TCP to ${settings.inboundPort}, outbound TCP to ${settings.outboundPort}\n${input}`,
    );
  }
}

function readSettings(values: Record<string, string | boolean>): RedirectSettings {
  const problems: string[] = [];
  const number = (name: string, min: number, max: number): number => {
    const text = String(values[name]);
    if (!/^\d+$/.test(text) || Number(text) < min || Number(text) > max)
      problems.push(`--${name} "${text}" is no number from ${min} to ${max}`);
    return Number(text);
  };
  const ports = (name: string): PortRanges => {
    const parsed = PortRanges.parse(String(values[name]));
    if (typeof parsed !== 'string') return parsed;
    problems.push(`--${name}: ${parsed}`);
    return PortRanges.EMPTY;
  };
  const subnets = String(values['skip-subnets'])
    .split(',')
    .filter((each) => each.trim() !== '')
    .map((each) => each.trim());
  for (const cidr of subnets)
    if (!/^(\d{1,3}(\.\d{1,3}){3}\/\d{1,2}|[0-9a-fA-F:]+\/\d{1,3})$/.test(cidr))
      problems.push(`--skip-subnets: "${cidr}" is no CIDR`);
  const settings: RedirectSettings = {
    inboundPort: number('inbound-port', 1, 65_535),
    outboundPort: number('outbound-port', 1, 65_535),
    proxyUid: number('proxy-uid', 1, 0x7fff_fffe),
    skipInboundPorts: ports('skip-inbound-ports'),
    skipOutboundPorts: ports('skip-outbound-ports'),
    skipSubnets: subnets,
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return settings;
}

try {
  main();
} catch (error) {
  const { message, hint } = error as WeftError;
  process.stderr.write(`weft init: ${message}\n${hint ? `hint: ${hint}\n` : ''}`);
  const isUsage = error instanceof ConfigError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  process.exit(
    isUsage ? EXIT_CONFIG : error instanceof WeftError && error.code === 'capability_missing' ? EXIT_NO_PERMISSION : 1,
  );
}
