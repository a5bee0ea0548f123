import { expect, setDefaultTimeout, test } from "bun:test"
import { chmodSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { runCli } from "../support/run-cli.ts"

setDefaultTimeout(120_000)

const secrets = {
  API_KEY: "k-3a1f-of-the-model",
  OPENAI_API_KEY: "k-77b2-of-another",
  API_BASE_URL: "https://user:k-0c9d@models.example/v1",
  HF_TOKEN: "k-51e0-of-the-hub",
  MODEL_NAME: "a-model",
}

/** Two programs that write down what they are given, and then do as the real ones, or fail where there are none. */
const makeSpies = () => {
  const folder = runFolder()
  const heard = join(folder, "heard")
  for (const name of ["ffmpeg", "ffprobe"]) {
    const real = Bun.which(name)
    const then = real === null ? "exit 1" : `exec "${real}" "$@"`
    const path = join(folder, name)
    writeFileSync(path, `#!/bin/sh\necho "program=${name}" >> "${heard}"\nenv >> "${heard}"\n${then}\n`)
    chmodSync(path, 0o755)
  }
  return { ffmpeg: join(folder, "ffmpeg"), heard: () => readFileSync(heard, "utf8") }
}

test("programs that are started get no key: the decoder's ffmpeg and ffprobe, and the cutter's", async () => {
  const { ffmpeg, heard } = makeSpies()
  const file = await makeVideo({ frames: 48 })
  const decoding = ["--decoder", "ffmpeg", "--no-decoder-fallback", "--ffmpeg-bin", ffmpeg]
  const frames = ["frames", "--video", file, "--at", "1", "--output", runFolder(), ...decoding]
  const run = ["pipeline", "--input-video", file, "--output-root", runFolder(), "--rehearsal", ...decoding]
  const works = Bun.which("ffmpeg") !== null
  for (const args of [frames, run]) {
    const { code } = await runCli(args, secrets)
    expect(code === 0).toBe(works)
  }
  const said = heard()
  expect(said).toContain("program=ffmpeg")
  expect(said).toContain("program=ffprobe")
  expect(said).toContain(`PATH=${process.env.PATH}`)
  for (const [name, value] of Object.entries(secrets))
    for (const part of [`${name}=`, value]) expect(said).not.toContain(part)
})

test("a library path, a locale and a temporary folder still reach them", async () => {
  const { ffmpeg, heard } = makeSpies()
  const file = await makeVideo({ frames: 3 })
  const passed = { LD_LIBRARY_PATH: "/opt/some/lib", LC_ALL: "C", TMPDIR: runFolder() }
  await runCli(
    [
      "frames",
      "--video",
      file,
      "--at",
      "0",
      "--output",
      runFolder(),
      "--decoder",
      "ffmpeg",
      "--ffmpeg-bin",
      ffmpeg,
    ],
    passed,
  )
  for (const [name, value] of Object.entries(passed)) expect(heard()).toContain(`${name}=${value}`)
})
