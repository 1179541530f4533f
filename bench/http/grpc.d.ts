/** What the bench uses of its gRPC packages, which need not be installed for its types to be checked. */
declare module '@grpc/grpc-js' {
  export interface ServerCall<Request> {
    readonly request: Request;
    /** Sends a message of a stream, which stays open. */
    write(message: object): void;
  }

  export class Server {
    addService(service: object, handlers: object): void;
    bindAsync(address: string, credentials: object, onBound: (error: Error | null) => void): void;
  }

  export const ServerCredentials: { createInsecure(): object };
}

declare module '@grpc/proto-loader' {
  /** Services and messages by their full name. */
  export function loadSync(
    files: readonly string[],
    options: { readonly includeDirs: readonly string[]; readonly longs: NumberConstructor },
  ): Readonly<Record<string, object>>;
}
