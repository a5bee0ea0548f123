import { readdirSync } from "node:fs"
import { basename, dirname } from "node:path"

/** Names of what is on disk of a clip: itself, and the tries at it. */
export const triesAt = (output: string): ReadonlyArray<string> =>
  readdirSync(dirname(output)).filter((name) => name.startsWith(basename(output)))
