/** Whether this is a failure of the system, and no bug of this program. */
export const isFault = (cause: unknown): boolean => cause instanceof Error && "code" in cause

/** Whether a failure of the file system has one of these codes. */
export const hasCode = (cause: unknown, ...codes: ReadonlyArray<string>): boolean =>
  typeof cause === "object" && cause !== null && "code" in cause && codes.includes(String(cause.code))
