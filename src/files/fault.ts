/** Whether this is a failure of the system, and no bug of this program. */
export const isFault = (cause: unknown): boolean => cause instanceof Error && "code" in cause

/** Whether a failure of the file system has one of these codes. */
export const hasCode = (cause: unknown, ...codes: ReadonlyArray<string>): boolean =>
  typeof cause === "object" && cause !== null && "code" in cause && codes.includes(String(cause.code))

/** What a promise comes to that fails with one of these codes, for its `catch`; any other failure is thrown again. */
export const onCode =
  <A>(value: A, ...codes: ReadonlyArray<string>) =>
  (cause: unknown): A => {
    if (hasCode(cause, ...codes)) return value
    throw cause
  }
