import type { BigIntStats } from "node:fs"

/** What a file is told by: another one, or the same with other content, differs in something of it. */
type Identity = Pick<BigIntStats, "ctimeNs" | "dev" | "ino" | "mtimeNs" | "size">

const keyOf = ({ ctimeNs, dev, ino, mtimeNs, size }: Identity): string =>
  [dev, ino, size, mtimeNs, ctimeNs].join()

/** What was found out of files, remembered until they change, of those that were asked for last. */
export class ByFile<A extends object> {
  readonly #most: number
  readonly #found = new Map<string, A>()

  /** @param most files that are remembered */
  constructor(most: number) {
    this.#most = most
  }

  get(file: Identity): A | undefined {
    const key = keyOf(file)
    const found = this.#found.get(key)
    if (found === undefined) return undefined
    this.#found.delete(key)
    this.#found.set(key, found)
    return found
  }

  /** Remembers something of a file, and gives it back. */
  set(file: Identity, found: A): A {
    this.#found.set(keyOf(file), found)
    const [oldest] = this.#found.keys()
    if (this.#found.size > this.#most && oldest !== undefined) this.#found.delete(oldest)
    return found
  }
}
