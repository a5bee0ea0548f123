import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"

// Neither history nor results, and packages are installed anew: a test may change them.
const notCopied = new Set([
  ".git",
  "node_modules",
  "bench-report",
  "mutation-report",
  "demo-output",
  "causal_spafa_plan_dataset_long",
])

/** A copy of the project in which files may be changed and tests run. */
export interface Copy {
  readonly root: string
  /** The folder for temporary files of what runs in this copy. */
  readonly temporary: string
  readonly read: (file: string) => string
  readonly write: (file: string, text: string) => void
  /** Removes what a run has left in the folder for temporary files. */
  readonly tidy: () => void
}

/** Copies the project to `folder/name` and installs its packages there as the lockfile names them. */
export const makeCopy = (project: string, folder: string, name: string): Copy => {
  const root = join(folder, name)
  const temporary = join(folder, `${name}-tmp`)
  cpSync(project, root, { recursive: true, filter: (path) => !notCopied.has(basename(path)) })
  if (existsSync(join(root, "bun.lock"))) {
    const install = Bun.spawnSync([process.execPath, "install", "--frozen-lockfile", "--silent"], {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
    })
    if (install.exitCode !== 0) throw new Error(`the packages could not be installed in ${root}`)
  }
  mkdirSync(temporary)
  return {
    root,
    temporary,
    read: (file) => readFileSync(join(root, file), "utf8"),
    write: (file, text) => writeFileSync(join(root, file), text),
    tidy: () => {
      rmSync(temporary, { recursive: true, force: true })
      mkdirSync(temporary)
    },
  }
}
