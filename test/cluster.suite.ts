/** Tests on the cluster of KUBECONFIG, with nothing but kubectl and curl beside this project. They follow one another. */
import t from 'tap';

if (!process.env.KUBECONFIG) t.pass('cluster', { skip: 'KUBECONFIG is not set' });
else {
  await import('./cluster/ordinary-sidecar.test.ts');
  await import('./cluster/uninstall.test.ts');
  await import('./cluster/install.test.ts');
  await import('./cluster/mesh.test.ts');
  await import('./cluster/own-service.test.ts');
  await import('./cluster/rate-limit.test.ts');
  await import('./cluster/prometheus.test.ts');
  await import('./cluster/user-manifests.test.ts');
  await import('./cluster/access-policy.test.ts');
  await import('./cluster/trust-roots-policy.test.ts');
  await import('./cluster/probes.test.ts');
  await import('./cluster/zero-trust.test.ts');
  await import('./cluster/faults.test.ts');
  await import('./cluster/take-away.test.ts');
}
