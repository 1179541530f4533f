await import('./cluster/install.test.ts');
await import('./cluster/probes.test.ts');
await import('./cluster/zero-trust.test.ts');
