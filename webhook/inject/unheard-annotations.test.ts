import t from 'tap';

import { POD_ANNOTATIONS } from '../../api/pod-annotations.ts';
import { unheardAnnotations } from './unheard-annotations.ts';

const BOTH = { linkerd: true, istio: true };
const said = (name: string, families = BOTH) => unheardAnnotations({ annotations: { [name]: 'x' } }, families);

t.test('of what Weft honours nothing is said', async (t) => {
  for (const { weft, linkerd, istio } of Object.values(POD_ANNOTATIONS) as {
    weft: string;
    linkerd?: string;
    istio?: string;
  }[])
    for (const name of [weft, linkerd, istio]) if (name !== undefined) t.same(said(name), [], name);
  for (const name of ['sidecar.istio.io/inject', 'linkerd.io/inject', 'example.com/access-log', 'prometheus.io/scrape'])
    t.same(said(name), [], name);
  t.same(unheardAnnotations(null, BOTH), []);
  t.same(unheardAnnotations({}, BOTH), []);
});

t.test('what another mesh has and Weft has not is told with what it would have done', async (t) => {
  t.same(said('config.linkerd.io/access-log'), [
    'the annotation config.linkerd.io/access-log is not honoured: it would log each request',
  ]);
  t.same(said('traffic.sidecar.istio.io/includeInboundPorts'), [
    'the annotation traffic.sidecar.istio.io/includeInboundPorts is not honoured: it would redirect these ports of the pod alone; weft.dev/skip-inbound-ports leaves ports out',
  ]);
});

t.test('what no mesh has is told with what was meant', async (t) => {
  t.same(said('config.linkerd.io/skip-outbond-ports'), [
    'the annotation config.linkerd.io/skip-outbond-ports does not exist and is ignored; did you mean config.linkerd.io/skip-outbound-ports?',
  ]);
  t.same(said('traffic.sidecar.istio.io/excludeInboundPort'), [
    'the annotation traffic.sidecar.istio.io/excludeInboundPort does not exist and is ignored; did you mean traffic.sidecar.istio.io/excludeInboundPorts?',
  ]);
});

t.test('of a family that is not heard nothing is said', async (t) => {
  t.same(said('config.linkerd.io/access-log', { linkerd: false, istio: true }), []);
  t.same(said('proxy.istio.io/config', { linkerd: true, istio: false }), []);
});

t.test('each sentence is short enough for an admission warning', async (t) => {
  // https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/: 256 characters may be cut.
  for (const name of [
    'config.beta.linkerd.io/proxy-enable-native-sidecar',
    'traffic.sidecar.istio.io/includeOutboundIPRanges',
  ])
    t.ok(said(name)[0]!.length <= 256, name);
});
