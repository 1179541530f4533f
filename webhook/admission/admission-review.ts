import type { Operation } from 'fast-json-patch';

/**
 * What the API server asks.
 *
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#request
 */
export interface AdmissionRequest {
  readonly uid: string;
  readonly group: string;
  readonly kind: string;
  /** Empty for objects without a namespace. */
  readonly namespace: string;
  /** Empty where the API server has yet to make it (`generateName`). */
  readonly name: string;
  readonly operation: string;
  /** Nothing may be written anywhere because of this request. */
  readonly isDryRun: boolean;
  /** The object as sent; null when it is being deleted. */
  readonly object: unknown;
  /** The object that is replaced or deleted; null where there is none. */
  readonly before: unknown;
}

/** What the API server is told. */
export interface AdmissionAnswer {
  readonly isAllowed: boolean;
  /** Why not; shown to whoever sent the object. */
  readonly message?: string;
  /** Changes to the object; none when empty. */
  readonly patch?: readonly Operation[];
  /** Shown by kubectl even where the object is allowed. */
  readonly warnings?: readonly string[];
  /** Goes to the API server's audit log. */
  readonly audit?: Readonly<Record<string, string>>;
}

/** Reads an AdmissionReview v1; a sentence says what is wrong with it. */
export function parseReview(body: unknown): AdmissionRequest | string {
  const review = fieldsOf(body);
  if (!review) return 'the body is no JSON object';
  if (review.apiVersion !== API_VERSION || review.kind !== 'AdmissionReview') {
    return `the body is no AdmissionReview of ${API_VERSION}`;
  }
  const request = fieldsOf(review.request);
  if (!request) return 'request is missing or no object';
  const { uid, namespace = '', name = '', operation } = request;
  const kind = fieldsOf(request.kind);
  if (typeof uid !== 'string' || uid === '') return 'request.uid is missing or no text';
  if (typeof namespace !== 'string') return 'request.namespace is no text';
  if (typeof name !== 'string') return 'request.name is no text';
  if (typeof operation !== 'string') return 'request.operation is missing or no text';
  if (typeof kind?.kind !== 'string' || typeof (kind.group ?? '') !== 'string') {
    return 'request.kind is missing or names no group and kind';
  }
  return {
    uid,
    group: String(kind.group ?? ''),
    kind: kind.kind,
    namespace,
    name,
    operation,
    isDryRun: request.dryRun === true,
    object: request.object ?? null,
    before: request.oldObject ?? null,
  };
}

/** The AdmissionReview that answers the request of that uid. */
export function writeReview(uid: string, answer: AdmissionAnswer): object {
  const { isAllowed, message, patch = [], warnings = [], audit } = answer;
  const encoded = Buffer.from(JSON.stringify(patch)).toString('base64');
  return {
    apiVersion: API_VERSION,
    kind: 'AdmissionReview',
    response: {
      uid,
      allowed: isAllowed,
      ...(patch.length > 0 && { patchType: 'JSONPatch', patch: encoded }),
      ...(message !== undefined && { status: { code: isAllowed ? 200 : 403, message: shorten(message, MAX_MESSAGE) } }),
      ...(warnings.length > 0 && {
        warnings: warnings.slice(0, MAX_WARNINGS).map((each) => shorten(each, MAX_WARNING)),
      }),
      ...(audit && { auditAnnotations: audit }),
    },
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

function shorten(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

const API_VERSION = 'admission.k8s.io/v1';
const MAX_WARNINGS = 16;
/** The API server shows 256 characters of a warning and 4096 of all (extensible admission controllers, "Response"). */
const MAX_WARNING = 256;
/** What somebody reads; an object of megabytes may have a hundred thousand faults. */
const MAX_MESSAGE = 4096;
