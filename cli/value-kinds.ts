import { Fault, type Kind } from '../core/config/environment.ts';

/** A name of one label, as that of a namespace (RFC 1123). */
export const LABEL: Kind<string> = matching(
  'name',
  /^(?=.{1,63}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  'lower-case letters, digits and -, as in my-shop',
);

/** A domain in lower case, as that of a certificate's names (RFC 1123). */
export const DOMAIN: Kind<string> = matching(
  'domain',
  /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/,
  'lower-case letters, digits, - and dots, as in cluster.local',
);

/**
 * Reference to a container image. Source: https://pkg.go.dev/github.com/distribution/reference, which the kubelet's
 * runtimes use.
 */
export const IMAGE: Kind<string> = matching(
  'image',
  new RegExp(
    [
      '^(?=.{1,512}$)',
      String.raw`(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?/)?`,
      String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*`,
      String.raw`(?::\w[\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$`,
    ].join(''),
  ),
  'a repository with a tag or digest, as in registry.example.com/weft:1.0',
);

function matching(what: string, pattern: RegExp, right: string): Kind<string> {
  return {
    name: what,
    parse: (text) => (pattern.test(text) ? text : new Fault(`"${text}" is not a valid ${what}: use ${right}`)),
  };
}
