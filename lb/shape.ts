/**
 * V8 lets go of a shape (a hidden class) when the last object that had it has been collected, and with it of all code that was compiled for it.
 * An app that rests for some seconds, while its connections close, would find the whole path of its next calls being compiled once more; and kinds
 * of sockets share node's `Writable.write`, so it is enough that one of them has gone. One object of each kind stays, therefore.
 */
const kept = new Map<string, object>();

/** The first of its kind stays for good: small ones, and with all the fields that they will ever have. */
export function keepShape(kind: string, object: object): void {
  if (!kept.has(kind)) kept.set(kind, object);
}
