/** Variables that a program needs to be found, to load its libraries and to speak the user's language. */
const PASSED_ON = new Set([
  ...["PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TMP", "TEMP"],
  ...["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"],
  // Without these no program starts on Windows.
  ...["SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE"],
])

/**
 * The environment for another program: what it needs to run, and nothing else of ours. A key or another secret in our own
 * environment is not passed on.
 *
 * @param more names of variables that this program needs besides
 */
export const childEnvironment = (more?: RegExp): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => {
      const isPassedOn =
        PASSED_ON.has(name.toUpperCase()) || name.startsWith("LC_") || more?.test(name) === true
      return isPassedOn && value !== undefined ? [[name, value]] : []
    }),
  )
