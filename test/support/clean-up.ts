import { afterAll } from "bun:test"
import { rmSync } from "node:fs"
import { root } from "./folders.ts"

// Preloaded (`bunfig.toml`), so that it happens once, when the whole run ends.
afterAll(() => rmSync(root, { recursive: true, force: true }))
