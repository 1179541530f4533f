import { type ClientMessage, WATCH_VERSION } from '../../api/watch.ts';

/** Why a line is no message: a stable token and a sentence. */
export interface MessageFault {
  readonly reason:
    | 'message_not_json'
    | 'message_unknown'
    | 'message_malformed'
    | 'version_unsupported'
    | 'hello_missing';
  readonly message: string;
}

/** Reads one line of a client; whatever it holds, it is a message of the contract or a fault. @throws never */
export function parseClientMessage(text: string): ClientMessage | MessageFault {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { reason: 'message_not_json', message: 'the line is no JSON' };
  }
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  switch (fields.type) {
    case 'hello':
      return parseHello(fields);
    case 'subscribe':
      if (!isKey(fields.target) || !(fields.version === undefined || isShort(fields.version)))
        return malformed('subscribe');
      return {
        type: 'subscribe',
        target: fields.target,
        ...(fields.version === undefined ? {} : { version: fields.version }),
      };
    case 'unsubscribe':
      return isKey(fields.target) ? { type: 'unsubscribe', target: fields.target } : malformed('unsubscribe');
    case 'ack':
      if (!isKey(fields.target) || !isShort(fields.version)) return malformed('ack');
      return { type: 'ack', target: fields.target, version: fields.version };
    case 'nack':
      if (!isKey(fields.target) || !isShort(fields.version) || typeof fields.reason !== 'string')
        return malformed('nack');
      return {
        type: 'nack',
        target: fields.target,
        version: fields.version,
        reason: fields.reason.slice(0, MAX_REASON_CHARACTERS),
      };
    case 'heartbeat':
      return { type: 'heartbeat' };
    default:
      return {
        reason: 'message_unknown',
        message: `there is no message of type ${JSON.stringify(fields.type)?.slice(0, 40)}`,
      };
  }
}

function parseHello({ version, features, resume }: Record<string, unknown>): ClientMessage | MessageFault {
  if (version !== WATCH_VERSION) {
    return { reason: 'version_unsupported', message: `this server speaks version ${WATCH_VERSION} of the watch` };
  }
  const isRecord = typeof resume === 'object' && resume !== null && !Array.isArray(resume);
  if (!Array.isArray(features) || !features.every(isShort) || features.length > 100 || !isRecord)
    return malformed('hello');
  if (!Object.entries(resume).every(([target, held]) => isKey(target) && isShort(held))) return malformed('hello');
  return { type: 'hello', version, features, resume: resume as Record<string, string> };
}

function malformed(type: string): MessageFault {
  return { reason: 'message_malformed', message: `a field of the ${type} message is missing or of the wrong kind` };
}

/** A DNS name has at most 253 characters. */
function isKey(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 300;
}

/** A version or the name of a feature. */
function isShort(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 100;
}

const MAX_REASON_CHARACTERS = 500;
