/** Object identifiers of keys, requests and certificates, by the names that their documents give them. */

/** RFC 5758 section 3.2. */
export const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';

/** RFC 5280 section 4.2.1, in its order. */
export const AUTHORITY_KEY_IDENTIFIER = '2.5.29.35';
export const SUBJECT_KEY_IDENTIFIER = '2.5.29.14';
export const KEY_USAGE = '2.5.29.15';
export const SUBJECT_ALT_NAME = '2.5.29.17';
export const BASIC_CONSTRAINTS = '2.5.29.19';
export const EXTENDED_KEY_USAGE = '2.5.29.37';
export const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
export const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** X.520. */
export const COMMON_NAME = '2.5.4.3';

/** PKCS #9, RFC 2985 section 5.4.2: the attribute of a request that holds the extensions asked for. */
export const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
