import t from 'tap';

import { readPodTemplate } from './pod-template.ts';

const faultOf = (object: unknown) => {
  const read = readPodTemplate(object);
  return typeof read === 'string' ? read : '';
};
const withSpec = (spec: object) => ({ spec: { containers: [], ...spec } });

t.test('a pod is taken as it came', async (t) => {
  for (const pod of [
    { spec: { containers: [] } },
    { metadata: null, spec: { containers: [], initContainers: null, volumes: null } },
    { metadata: { labels: null, annotations: { a: '' } }, spec: { containers: [{ name: 'a', ports: null }] } },
    { spec: { containers: [{ name: 'a', ports: [{ containerPort: 80 }] }], volumes: [{ name: 'v' }] } },
  ])
    t.equal(readPodTemplate(pod), pod);
});

t.test('what is none says which field is wrong', async (t) => {
  for (const [object, fault] of [
    [null, 'the pod is no object'],
    [[], 'the pod is no object'],
    ['x', 'the pod is no object'],
    [{ metadata: 7, spec: { containers: [] } }, 'metadata is no object'],
    [{ metadata: [], spec: { containers: [] } }, 'metadata is no object'],
    [{ metadata: { labels: [] }, spec: { containers: [] } }, 'metadata.labels is no object'],
    [{ metadata: { annotations: 'x' }, spec: { containers: [] } }, 'metadata.annotations is no object'],
    [{ metadata: { annotations: { b: '', a: 1 } }, spec: { containers: [] } }, 'metadata.annotations["a"] is no text'],
    [{}, 'spec is missing or no object'],
    [{ spec: null }, 'spec is missing or no object'],
    [{ spec: {} }, 'spec.containers is missing or no list'],
    [withSpec({ initContainers: {} }), 'spec.initContainers is no list'],
    [withSpec({ volumes: 'x' }), 'spec.volumes is no list'],
    [withSpec({ containers: [{ name: 'a' }, null] }), 'spec.containers[1] is no object'],
    [withSpec({ containers: [{ name: '' }] }), 'spec.containers[0].name is missing or no text'],
    [withSpec({ volumes: [{ name: 7 }] }), 'spec.volumes[0].name is missing or no text'],
    [withSpec({ containers: [{ name: 'a', ports: {} }] }), 'spec.containers[0].ports is no list'],
    [
      withSpec({ containers: [{ name: 'a', ports: [{ containerPort: 80 }, {}] }] }),
      'spec.containers[0].ports[1].containerPort is no number',
    ],
    [
      withSpec({ initContainers: [{ name: 'a', ports: [null] }] }),
      'spec.initContainers[0].ports[0].containerPort is no number',
    ],
  ] as const)
    t.equal(faultOf(object), fault);
});
