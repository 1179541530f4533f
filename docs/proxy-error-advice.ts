import type { ProxyErrorReason } from '../api/proxy-headers.ts';

/** For whoever sees a reason: what it means, and what to do about it. */
export const PROXY_ERROR_ADVICE: Readonly<Record<ProxyErrorReason, readonly [meaning: string, advice: string]>> = {
  connect_failed: ['no endpoint accepted a connection', 'is the application listening?'],
  connect_timeout: ['connecting took too long', 'network policy, an overloaded node'],
  destination_identity_mismatch: [
    "the peer's certificate names somebody else",
    'a reused address, or a wrong service account',
  ],
  endpoint_reset: ['the server reset the request before it answered', "the application's log"],
  endpoint_closed: ['the server closed the connection before it answered', "the application's log"],
  fail_fast: ['the Service had no ready endpoint for 3 s', '`kubectl get endpointslices`'],
  identity_not_ready: ['this proxy has no valid certificate', "is identity reachable? see the proxy's log"],
  discovery_unavailable: [
    'discovery gave no answer for an address of the cluster within 3 s',
    'is destination reachable? `weft.dev/discovery-failure-policy` chooses what becomes of such connections',
  ],
  request_timeout: ["the route's timeout, or the client's own deadline (gRPC), passed", 'the message names the object'],
  response_timeout: ['the answer was not complete in time after the request was', 'the message names the object'],
  idle_timeout: ['nothing moved either way for the time that the route allows', 'the message names the object'],
  per_try_timeout: [
    'an attempt had no answer in its time, and no other was allowed',
    'the message names object and endpoint',
  ],
  route_not_found: ['the routes of the Service take no such request', '`weft why` shows which routes there are'],
  no_endpoint: [
    'the backend that the route chose has no endpoint that may be used',
    'are its pods ready? are they ejected? is the subset defined?',
  ],
  backend_unknown: [
    'the backend that the route chose does not exist',
    'the message names it; `weft analyze` names the manifest',
  ],
  overflow: ['a bound of the connection pool is reached', 'the message names the bound; raise it, or add replicas'],
  fault_injected: [
    'a route injects this fault; its status is the one that the route gives',
    'the message names the object',
  ],
  rate_limited: [
    'the client, or all clients, made more requests a second than the port allows',
    'the message names the limit (rate-limits.md)',
  ],
  loop_detected: ['the request came back to a proxy that had sent it', 'the Service selects its own client'],
  policy_denied: ['the inbound policy refuses the client', 'the message names policy and client'],
  token_invalid: [
    'a RequestAuthentication refuses the token of the request: its form, issuer, times, or signature',
    'the message says which; where keys are not known yet, see the status of the RequestAuthentication',
  ],
  token_for_others: [
    'the token of the request is for none of the audiences of its RequestAuthentication',
    'ask the issuer for a token for this audience, or name the audience in the object',
  ],
  opaque_on_http_port: [
    'bytes that are not HTTP, on a port that is declared as HTTP or has routes or limits',
    'mark the port opaque or (`appProtocol: https`) TLS, or speak HTTP',
  ],
  peer_without_identity: [
    "a client without a valid certificate offers what is spoken between the mesh's proxies",
    'is its certificate expired, or of another root?',
  ],
  peer_certificate_expired: [
    "the peer's certificate has ended",
    'is identity reachable from the peer? do the clocks agree? the message says by how much it is over',
  ],
  peer_certificate_not_yet_valid: [
    "the peer's certificate begins later, by this clock",
    'the clocks differ, by at least what the message says',
  ],
  peer_certificate_untrusted: [
    "the peer's certificate leads to no root that is trusted here",
    'compare the roots of both with `weft identity POD`: another mesh, or a root that was dropped too early',
  ],
  peer_certificate_incomplete: [
    "the peer's certificate is by an authority that it has not sent",
    'the intermediate authorities belong into `tls.crt` of the issuer',
  ],
  peer_certificate_unfit: ["the peer's certificate may not be used for this", 'the message has OpenSSL’s word for it'],
  peer_revoked: ['the certificate or the identity of the peer is revoked', 'the ConfigMap `weft-revocations` names it'],
  direct_without_identity: ['a direct connection without a client certificate', 'nothing should dial 4143'],
  direct_without_transport_header: [
    'a direct connection that does not come from a proxy of the mesh',
    'nothing should dial 4143',
  ],
  transport_header_invalid: ['a direct connection whose header cannot be read', 'nothing should dial 4143'],
  not_own_address: ['a redirected connection for another pod', 'redirect rules from elsewhere'],
  request_malformed: ['the message breaks RFC 9112 or 9113', '`weft_proxy_malformed_messages_total` has the rule'],
  response_malformed: ["the application's answer breaks RFC 9112 or 9113", "the application's HTTP library"],
  upgrade_unsupported: ['the upgrade would hide requests (h2c) from the mesh', 'speak HTTP/2 by its preface instead'],
  target_invalid: ['explicit proxy: the target is not a host with a port', 'check the URL'],
  target_unknown: ['explicit proxy: no such host', 'check the name'],
  unexpected: ['a fault of the proxy', "the proxy's log; please report it"],
};
