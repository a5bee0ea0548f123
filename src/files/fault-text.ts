import { hasCode } from "./fault.ts"
import { NotPlain } from "./plain.ts"

/** What the codes of the system mean to a person. */
const reasons: ReadonlyArray<readonly [reason: string, ...codes: ReadonlyArray<string>]> = [
  ["the disk is full", "ENOSPC", "EDQUOT"],
  ["permission denied", "EACCES", "EPERM"],
  ["the path is too long for the file system", "ENAMETOOLONG"],
  ["files may not grow so large here; see `ulimit -f` and the file system", "EFBIG"],
  ["the file system is read-only", "EROFS"],
  ["no file can have a name with a null byte in it", "ERR_INVALID_ARG_VALUE"],
]

/** Why the file system did not do something: in words where its code is known, else as the failure itself says it. */
export const faultText = (cause: unknown): string => {
  const known = reasons.find(([, ...codes]) => hasCode(cause, ...codes))
  return known?.[0] ?? (cause instanceof Error ? cause.message : String(cause))
}

/** Why a file cannot be read, as the rest of a sentence about it. */
export const unreadableText = (cause: unknown): string => {
  if (cause instanceof NotPlain) return cause.message
  if (hasCode(cause, "ERR_ENCODING_INVALID_ENCODED_DATA")) return "is not UTF-8 text"
  if (hasCode(cause, "ENOENT", "ENOTDIR")) return "does not exist"
  if (hasCode(cause, "EISDIR")) return "is a folder, not a file"
  return `cannot be read: ${faultText(cause)}`
}
