/** Why a file that could not be opened may not be used, and what to do. */
export const whyUnreadable = (cause: unknown): string => {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined
  if (code === "ENOENT") return "does not exist; put it there and run the same command again"
  if (code === "EACCES") return "may not be read; change its permissions and run the same command again"
  return `cannot be read: ${String(cause)}`
}
