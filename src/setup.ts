// Installs what the lockfile names, so that every `bun run` script works in a fresh clone.
// Nothing here may import a dependency: it runs before they exist.
import { existsSync } from "node:fs"
import { dirname, join } from "node:path"

const root = dirname(import.meta.dir)
if (!existsSync(join(root, "node_modules"))) console.error("Installing dependencies (first run only) ...")
const install = Bun.spawnSync([process.execPath, "install", "--frozen-lockfile", "--silent"], {
  cwd: root,
  stdio: ["ignore", "inherit", "inherit"],
})
if (install.exitCode !== 0) {
  console.error(
    "Dependencies could not be installed; the lines above say why. Check the network and run again.",
  )
  process.exit(1)
}
