import t from 'tap';

import type { Problem } from '../problem.ts';
import { denialOfAll, readAuthorizationPolicy } from './read-authorization-policy.ts';

const policy = (spec: object, annotations = {}) => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { namespace: 'default', name: 'api', annotations },
  spec,
});

/** The first thing wrong with a policy, or empty. */
function faultOf(spec: object): string {
  const problems: Problem[] = [];
  try {
    readAuthorizationPolicy(policy(spec), problems);
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

t.test('what a token proves may be asked for whatever is done about it', async (t) => {
  const rules = [{ from: [{ source: { requestPrincipals: ['*'] } }] }];
  for (const action of ['ALLOW', 'DENY', 'AUDIT']) t.equal(faultOf({ action, rules }), '', action);
  t.match(faultOf({ rules: [{ when: [{ key: 'request.auth.claims', values: ['a'] }] }] }), 'is none of');
});

t.test('a header has a name that can be sent', async (t) => {
  const rules = (name: string) => ({ rules: [{ when: [{ key: `request.headers[${name}]`, values: ['a'] }] }] });
  t.equal(faultOf(rules('X-Team')), '');
  for (const name of [':path', 'x team', 'x-tëam'])
    t.match(faultOf(rules(name)), 'is no name of a header; hosts, methods and paths have fields of their own', name);
});

t.test('what stands for one that cannot be read is for whom it was for, as far as that can be read', async (t) => {
  const selector = { matchLabels: { app: 'api' } };
  const instead = (spec: object, annotations = {}) => denialOfAll(policy(spec, annotations));
  const misspelt = instead({ selector, rulez: 1 });
  t.match(misspelt, { action: 'DENY', isForOthers: false, isDryRun: false });
  t.same(misspelt.selector, readAuthorizationPolicy(policy({ selector }), []).selector);
  t.equal(instead({ selector: { matchLabels: 'app' } }).selector, null, 'everybody, where that cannot be read either');
  t.equal(instead({ selector: { matchLabels: { app: 'api' }, names: [] } }).selector, null);
  t.equal(instead({ targetRefs: [{ kind: 'Gateway', name: 'edge' }], rulez: 1 }).isForOthers, true);
  t.equal(instead({ rulez: 1 }, { 'istio.io/dry-run': 'true' }).isDryRun, true);
  t.equal(instead({ action: 'AUDIT', rulez: 1 }).action, 'AUDIT');
  t.equal(instead({ action: 'ALOW' }).action, 'DENY');
});
