/** Where the programs lie in the container image, and how each is started. */

export const IMAGE_NODE = '/usr/bin/node';
export const IMAGE_DIRECTORY = '/weft';

/**
 * Flags of the proxy's runtime. One megabyte of semi-space keeps a loaded proxy's private memory a third lower at no
 * measured loss of speed.
 */
export const PROXY_NODE_FLAGS = ['--max-semi-space-size=1'] as const;

/** Programs by the name of their bundle, `<name>.js` in {@link IMAGE_DIRECTORY}. */
export type ImageProgram = 'proxy' | 'init' | 'identity' | 'destination' | 'webhook' | 'cli';

/** Container `command` of a program. */
export function imageCommand(program: ImageProgram): string[] {
  const flags = program === 'proxy' ? PROXY_NODE_FLAGS : [];
  return [IMAGE_NODE, ...flags, `${IMAGE_DIRECTORY}/${program}.js`];
}
