/** Where the programs lie in the container image, and how each is started. */

export const IMAGE_NODE = '/usr/bin/node';
export const IMAGE_DIRECTORY = '/weft';

/**
 * Half of the memory that a container may have is the heap's. V8 would take it to be all: it collects late, and what lies
 * outside its heap, as octets of connections do, gets the container killed.
 */
export const HEAP_FLAG = '--max-old-space-size-percentage=50';

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
  return [IMAGE_NODE, HEAP_FLAG, ...flags, `${IMAGE_DIRECTORY}/${program}.js`];
}
