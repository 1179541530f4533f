import type { InstallSettings, Manifest } from './settings.ts';

export function webhookConfigurations(_settings: InstallSettings): Manifest[] {
  return [];
}
