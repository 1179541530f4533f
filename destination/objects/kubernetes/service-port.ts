/** A port of a Service, or of a ServiceEntry. */
export interface ServicePort {
  /** Empty for the only port. Its EndpointSlice ports have the same name. */
  readonly name: string;
  readonly port: number;
  /** Container port, by number or name. */
  readonly targetPort: number | string;
  readonly appProtocol: string;
}
