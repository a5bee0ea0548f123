import { randomBytes } from "node:crypto"
import { readdirSync, renameSync, rmSync } from "node:fs"
import { basename, dirname, join } from "node:path"

/**
 * A name beside `output` for one try at writing it. No two tries share a name: what a try that was given up still holds in its
 * buffers never gets into the file of another.
 */
const attemptPath = (output: string): string => `${output}.${randomBytes(3).toString("hex")}`

const ofAttempt = /^\.[0-9a-f]{6}$/u

/** Removes a file in the making and every try at it. */
export const removeAttempts = (output: string): void => {
  const [folder, name] = [dirname(output), basename(output)]
  rmSync(output, { force: true })
  for (const found of readdirSync(folder))
    if (found.startsWith(name) && ofAttempt.test(found.slice(name.length)))
      rmSync(join(folder, found), { force: true })
}

/** One try at a file. It is removed with its scope, unless it is kept. */
export class Attempt implements Disposable {
  readonly path: string
  readonly #output: string

  constructor(output: string) {
    this.#output = output
    this.path = attemptPath(output)
  }

  /** Gives the file its name. To be called when it is whole and closed. */
  keep(): void {
    renameSync(this.path, this.#output)
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { force: true })
  }
}
