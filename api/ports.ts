/** TCP ports of every program (design: names, ports, files). */

export const PROXY_INBOUND_PORT = 4143;
export const PROXY_OUTBOUND_PORT = 4140;
/** The proxy's health, metrics and control. */
export const PROXY_ADMIN_PORT = 4191;

export const IDENTITY_PORT = 8443;
export const DESTINATION_PORT = 8086;
export const WEBHOOK_SERVICE_PORT = 443;
/** Container port of the webhook; private clusters leave 10250 open between API server and nodes. */
export const WEBHOOK_PORT = 10250;
/** Health and metrics of each control-plane program. */
export const CONTROL_ADMIN_PORT = 9990;
