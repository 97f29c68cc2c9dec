/** What a command has of the process around it. */
export interface Surroundings {
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Ends the process at once. */
  readonly exit: (code: number) => never;
}
