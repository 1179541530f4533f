import type { TokenKey } from '../../api/request-authentication.ts';
import { MAX_KEY_SET_OCTETS, parseKeySet } from '../../core/jwt/key-set.ts';

/** Where keys are, and how long they may take. */
export interface KeyRequest {
  readonly url: string;
  /** `discovery`: the URL has OpenID Connect's description of the issuer, which names that of the keys. */
  readonly kind: 'url' | 'discovery';
  readonly issuer: string;
  /** For all of it, redirects and discovery included. */
  readonly timeoutMs: number;
}

/** Keys that were got. */
export interface GotKeys {
  readonly keys: readonly TokenKey[];
  /** How long they are good for, as the answer says; null: it does not. */
  readonly maxAgeMs: number | null;
}

/**
 * Gets the keys of an issuer. Whoever may write a RequestAuthentication chooses the URL, so that nothing of an answer is told but
 * whether it is a key set: at most {@link MAX_KEY_SET_OCTETS} of it are read, redirects lead to http and https alone, and never from
 * https to http.
 *
 * @param signal gives up
 * @throws Error that says why not, in the same words for the same reason
 */
export async function fetchKeys({ url, kind, issuer, timeoutMs }: KeyRequest, signal: AbortSignal): Promise<GotKeys> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const keysUrl = kind === 'url' ? url : await discoveredUrl(url, issuer, until);
    const { text, maxAgeMs } = await get(keysUrl, until);
    const set = parseKeySet(text);
    if (typeof set === 'string') throw new Error(`what is there ${set}`);
    return { keys: set.keys, maxAgeMs };
  } catch (error) {
    throw new Error(reasonOf(error as Error, timeoutMs));
  }
}

/** OpenID Connect Discovery 1.0, section 4: what describes another issuer than the one that was asked about is not believed. */
async function discoveredUrl(url: string, issuer: string, signal: AbortSignal): Promise<string> {
  const { text } = await get(url, signal);
  let described: { readonly issuer?: unknown; readonly jwks_uri?: unknown };
  try {
    described = { ...JSON.parse(text) };
  } catch {
    throw new Error('what is there is no JSON');
  }
  if (described.issuer !== issuer) throw new Error('what is there describes another issuer');
  const { jwks_uri: keysUrl } = described;
  if (typeof keysUrl !== 'string') throw new Error('what is there names no jwks_uri');
  return nextUrl(keysUrl, url).href;
}

async function get(first: string, signal: AbortSignal): Promise<{ text: string; maxAgeMs: number | null }> {
  let url = first;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const answer = await fetch(url, { redirect: 'manual', signal, headers: { accept: 'application/json' } });
    const location = answer.headers.get('location');
    if (answer.status >= 300 && answer.status < 400 && location !== null) {
      await answer.body?.cancel();
      url = nextUrl(location, url).href;
      continue;
    }
    if (answer.status !== 200) {
      await answer.body?.cancel();
      throw new Error(`the answer has status ${answer.status}`);
    }
    return { text: await boundedText(answer), maxAgeMs: maxAgeOf(answer.headers.get('cache-control')) };
  }
  throw new Error(`more than ${MAX_REDIRECTS} redirects`);
}

/** Where one URL leads to from another. @throws Error where that is no http or https URL, or less safe than where it is from */
function nextUrl(target: string, from: string): URL {
  if (!URL.canParse(target, from)) throw new Error('it leads to what is no URL');
  const next = new URL(target, from);
  const isSafe = next.protocol === 'https:' || (next.protocol === 'http:' && from.startsWith('http:'));
  if (!isSafe) throw new Error(`it leads to a URL of ${next.protocol}, which is not followed`);
  return next;
}

async function boundedText(answer: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let octets = 0;
  for await (const part of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    octets += part.length;
    if (octets > MAX_KEY_SET_OCTETS) throw new Error(`the answer is longer than ${MAX_KEY_SET_OCTETS} octets`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

/** RFC 9111 section 5.2.2.1. */
function maxAgeOf(cacheControl: string | null): number | null {
  const [, seconds] = /(?:^|[,\s])max-age=(\d{1,9})/i.exec(cacheControl ?? '') ?? [];
  return seconds === undefined ? null : Number(seconds) * 1000;
}

function reasonOf(error: Error, timeoutMs: number): string {
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`;
  // What `fetch` says is "fetch failed"; the reason is below.
  const { code } = (error.cause ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : error.message;
}

const MAX_REDIRECTS = 3;
