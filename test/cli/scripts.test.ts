import { expect, test } from "bun:test"
import { join } from "node:path"
import manifest from "../../package.json"
import { finished } from "../support/run-cli.ts"

const root = join(import.meta.dir, "../..")
const key = "sk-key-on-the-command-line"

/** Runs a script of `package.json` as users type it. */
const bunRun = async (script: string, ...args: ReadonlyArray<string>): Promise<string> => {
  const child = Bun.spawn([process.execPath, "run", script, ...args], {
    cwd: root,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
  const { stdout, stderr } = await finished(child)
  return stdout + stderr
}

const withKey = Object.entries(manifest.scripts)
  .filter(([name, command]) => command.endsWith(`src/main.ts ${name}`))
  .map(([name]) => name)

test.each(withKey)("bun run %s prints no command line, whether it ends well or not", async (script) => {
  const said = [
    await bunRun(script, "--api-key", key, "--help"),
    await bunRun(script, "--api-key", key, "--input-video", "/nowhere/video.mp4"),
  ]
  expect(said[0]).toContain(`Usage: bun run ${script}`)
  expect(said[1]).toContain("error: ")
  for (const text of said) {
    expect(text).not.toContain(key)
    expect(text).not.toContain("src/main.ts")
  }
})
