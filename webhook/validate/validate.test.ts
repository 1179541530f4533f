import t from 'tap';

import { validatedKind } from './kinds.ts';

const NAME = 'weft.dev/route-profile';
const GOOD = 'routes: [{ name: own, condition: { method: GET } }]';

const annotated = (text: unknown, more: object = {}) => ({ metadata: { annotations: { [NAME]: text }, ...more } });
const templated = (text: unknown) => ({ spec: { template: annotated(text) } });

function findings(kind: string, object: unknown, before: unknown = null) {
  return validatedKind(kind === 'Pod' ? '' : 'apps', kind)!.findings(object, before);
}

t.test('takes a name, a spec, and nothing at all', async (t) => {
  t.same(findings('Deployment', {}), { problems: [], warnings: [], named: [] });
  t.same(findings('Deployment', annotated(GOOD)), { problems: [], warnings: [], named: [] });
  t.same(findings('Deployment', annotated(' web-routes\n')).named, [
    { path: `metadata.annotations["${NAME}"]`, name: 'web-routes' },
  ]);
  t.same(findings('StatefulSet', templated('web-routes')).named, [
    { path: `spec.template.metadata.annotations["${NAME}"]`, name: 'web-routes' },
  ]);
});

t.test('refuses what is neither, with the path of the field and what to write', async (t) => {
  const cases: [unknown, RegExp][] = [
    ['Web_Routes', /"Web_Routes" cannot be a ServiceProfile's name; write the name of one in the same namespace/],
    ['', /neither the name of a ServiceProfile nor YAML of its spec; write/],
    ['routes: [', /nor YAML: .*; write/],
    ['- a', /nor YAML of its spec/],
    [7, /is no text/],
    ['routes: [{ name: own, condition: { pathRegex: "(" } }]', /routes\[0\]\.condition\.pathRegex/],
    ['routs: []', /routs: is unknown; known are routes/],
  ];
  for (const [text, message] of cases) {
    const { problems } = findings('Deployment', annotated(text));
    t.match(problems, [message], String(text));
    t.ok(problems[0]!.startsWith(`metadata.annotations["${NAME}"]`), String(text));
    t.ok(findings('Deployment', templated(text)).problems[0]!.startsWith('spec.template.metadata.annotations['));
    t.equal(findings('Pod', annotated(text)).problems.length, 1, 'a pod that somebody wrote');
  }
});

t.test('does not stop a controller because of what was wrong before', async (t) => {
  const counted = { metadata: { annotations: { [NAME]: 'Wrong', 'deployment.kubernetes.io/revision': '2' } } };
  t.match(findings('Deployment', counted, annotated('Wrong')), {
    problems: { length: 0 },
    warnings: [/write the name/],
  });
  t.match(findings('Deployment', annotated('Bad'), annotated('Wrong')), { problems: [/write the name/] });
  const made = annotated('Wrong', { ownerReferences: [{ kind: 'ReplicaSet', name: 'web-77', controller: true }] });
  t.match(findings('Pod', made), { problems: { length: 0 }, warnings: [/write the name/] });
});

t.test('says where the annotation has no effect', async (t) => {
  t.match(findings('DaemonSet', annotated('web-routes')), {
    problems: { length: 0 },
    warnings: [/spec\.template\.metadata/],
    named: { length: 0 },
  });
});

t.test('survives anything', async (t) => {
  for (const object of [null, 7, 'x', [], { metadata: 7 }, { metadata: { annotations: 'x', ownerReferences: 7 } }])
    t.same(findings('Pod', object, object).problems, []);
});
