import { Data } from "effect"
import { hasCode } from "../files/fault.ts"
import { faultText } from "../files/fault-text.ts"
import { NotPlain, requireFileFault } from "../files/plain.ts"

/** A file or folder of the dataset could not be read, written or trusted. `message` names the path and the way out. */
export class DatasetError extends Data.TaggedError("DatasetError")<{
  readonly reason:
    | "Unreadable"
    | "Unwritable"
    | "ForeignFolder"
    | "FingerprintMismatch"
    | "MissingStage"
    | "RehearsalOverReal"
    | "LockLost"
    /** A link, a pipe, a device or an endless file is where a file or folder of the dataset belongs. */
    | "NotPlain"
    /** The video's name is none that a folder of the output root can have. */
    | "BadName"
    /** Somebody has edited a file, and what it says breaks a rule. */
    | "EditInvalid"
  readonly path: string
  readonly message: string
  readonly cause?: unknown
}> {}

const why = (cause: unknown, wayOut: string): string => {
  if (hasCode(cause, "ENOTDIR", "EEXIST")) return "a file is in the way of a folder"
  const advice = hasCode(cause, "ENOSPC", "EDQUOT")
    ? "; make room and run the same command again"
    : hasCode(cause, "EACCES", "EPERM")
      ? `; change the permissions, or ${wayOut}`
      : hasCode(cause, "ENAMETOOLONG")
        ? "; choose a shorter --output-root"
        : hasCode(cause, "EROFS")
          ? `; ${wayOut}`
          : ""
  return `${faultText(cause)}${advice}`
}

const notPlain = (path: string, cause: NotPlain): DatasetError =>
  new DatasetError({
    reason: "NotPlain",
    path,
    message: `${path} ${cause.message}; nothing was done with it. Put it elsewhere and run the same command again`,
    cause,
  })

/** What a failed write at `path` is reported as; a bug is thrown on. */
export const unwritable =
  (path: string, wayOut = "choose another --output-root") =>
  (cause: unknown) => {
    requireFileFault(cause)
    if (cause instanceof NotPlain) return notPlain(path, cause)
    const message = hasCode(cause, "ENOENT")
      ? `cannot write ${path}: there is no such folder; make it and run the same command again, or ${wayOut}`
      : `cannot write ${path}: ${why(cause, wayOut)}`
    return new DatasetError({ reason: "Unwritable", path, message, cause })
  }

/** What a failed read at `path` is reported as; a bug is thrown on. */
export const unreadable = (path: string) => (cause: unknown) => {
  requireFileFault(cause)
  if (cause instanceof NotPlain) return notPlain(path, cause)
  const message = `cannot read ${path}: ${why(cause, "run as another user")}`
  return new DatasetError({ reason: "Unreadable", path, message, cause })
}
