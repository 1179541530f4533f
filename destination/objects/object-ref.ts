/** An object that somebody wrote. */
export interface ObjectRef {
  readonly kind: string;
  /** Empty for kinds without a namespace. */
  readonly namespace: string;
  readonly name: string;
}

/** Called for each fault that shows only when objects are read together. */
export type Complain = (object: ObjectRef, path: string, message: string) => void;

/** What somebody is told of an object. */
export interface Complaint {
  readonly object: ObjectRef;
  readonly path: string;
  readonly message: string;
}

/** Keeps each complaint once, in the order in which they came: clients and pods that are alike complain alike. */
export class Complaints {
  readonly #byText = new Map<string, Complaint>();

  readonly add: Complain = (object, path, message) => {
    const complaint = { object, path, message };
    this.#byText.set(JSON.stringify(complaint), complaint);
  };

  /** Every complaint once, in the order in which they came. */
  get all(): Complaint[] {
    return [...this.#byText.values()];
  }
}

/** `VirtualService/default/api`: how origins of routes, logs and `weft why` name an object. */
export function formatRef({ kind, namespace, name }: ObjectRef): string {
  return `${kind}/${namespace}/${name}`;
}

/** Reads what {@link formatRef} has written; nothing else may be given. */
export function parseRef(text: string): ObjectRef {
  const [kind = '', namespace = '', ...name] = text.split('/');
  return { kind, namespace, name: name.join('/') };
}

/** An object of a kind, without all else that is known of it. */
export function refOf(
  kind: string,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): ObjectRef {
  return { kind, namespace, name };
}
