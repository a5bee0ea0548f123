// Installs what the lockfile names, so that every `bun run` script works in a fresh clone.
// Nothing here may import a dependency: it runs before they exist.
import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { childEnvironment } from "./video/child-environment.ts"

/** What a package manager reads: proxies, certificates, and its own settings. */
const INSTALLING =
  /^(?:https?_proxy|no_proxy|all_proxy|ssl_cert_\w+|node_extra_ca_certs|(?:npm|bun|xdg)_\w+)$/iu

const root = dirname(import.meta.dir)
if (!existsSync(join(root, "node_modules"))) console.error("Installing dependencies (first run only) ...")
const install = Bun.spawnSync([process.execPath, "install", "--frozen-lockfile", "--silent"], {
  cwd: root,
  env: childEnvironment(INSTALLING),
  stdio: ["ignore", "inherit", "inherit"],
})
if (install.exitCode !== 0) {
  console.error(
    "Dependencies could not be installed; the lines above say why. Check the network and run again.",
  )
  process.exit(1)
}
