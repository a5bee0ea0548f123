import { scratchFolderOr } from "../files/scratch.ts"
import { unwritable } from "./DatasetError.ts"

/** What a failed write of a file on its way is reported as. */
export const unwritableScratch = (path: string) => unwritable(path, "set TMPDIR to another folder")

/** A new folder for files on their way, in the system's place for such; gone when the scope ends. */
export const scratchFolder = scratchFolderOr(unwritableScratch)
