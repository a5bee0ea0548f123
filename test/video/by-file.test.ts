import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { closeSync, openSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { chmod, readFile, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { Effect, Stream } from "effect"
import { ByFile } from "../../src/video/by-file.ts"
import * as Ffmpeg from "../../src/video/ffmpeg/backend.ts"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import { Instance } from "../../src/video/wasm/instance.ts"
import { type Media, makeInfoSource, openMedia } from "../../src/video/wasm/media.ts"
import { compileCore } from "../../src/video/wasm/module.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { servicesOf } from "./video-layers.ts"

setDefaultTimeout(60_000)

describe("what is remembered of a file", () => {
  const written = (name: string) => {
    const file = join(runFolder(), name)
    writeFileSync(file, name)
    return file
  }
  const stat = (file: string) => statSync(file, { bigint: true })

  test("is forgotten when the file changes, also if its size stays", () => {
    const found = new ByFile<{ readonly words: string }>(4)
    const file = written("one")
    found.set(stat(file), { words: "first" })
    expect(found.get(stat(file))).toEqual({ words: "first" })
    writeFileSync(file, "two")
    expect(found.get(stat(file))).toBeUndefined()
  })

  test("is of so many files as may be, those that were asked for last", () => {
    const found = new ByFile<{ readonly place: number }>(3)
    const files = ["a", "b", "c", "d"].map(written)
    for (const [place, file] of files.slice(0, 3).entries()) found.set(stat(file), { place })
    expect(found.get(stat(files[0] ?? ""))).toEqual({ place: 0 })
    found.set(stat(files[3] ?? ""), { place: 3 })
    expect(files.map((file) => found.get(stat(file))?.place)).toEqual([0, undefined, 2, 3])
  })
})

test("a thread of WebAssembly asks once for each of two files that it works on by turns", async () => {
  using instance = await Instance.load({
    module: await compileCore(),
    loadDeadlineMs: 30_000,
    stallMs: 30_000,
  })
  let asked = 0
  const infoOf = makeInfoSource()
  const opened: Array<number> = []
  const open = (file: string): Media => {
    const fd = openSync(file, "r")
    opened.push(fd)
    const media = openMedia(instance, file, { fd, sizeBytes: statSync(file).size }, () => {})
    return {
      ...media,
      run: (...run) => {
        asked++
        return media.run(...run)
      },
    }
  }
  const files = [
    open(await makeVideo({ codec: "vp8", name: "a.webm" })),
    open(await makeVideo({ codec: "ffv1", name: "b.mkv" })),
  ]
  const codecs: Array<string | undefined> = []
  for (const media of [...files, ...files]) codecs.push((await infoOf(media)).streams[0]?.codec_name)
  for (const fd of opened) closeSync(fd)
  expect(codecs).toEqual(["vp8", "ffv1", "vp8", "ffv1"])
  expect(asked).toBe(2)
})

test.if(Bun.which("ffprobe") !== null)(
  "the program is asked once what a file holds, until that changes",
  async () => {
    const bin = join(runFolder(), "ffmpeg")
    symlinkSync(Bun.which("ffmpeg") ?? "", bin)
    const log = join(dirname(bin), "log")
    const ffprobe = join(dirname(bin), "ffprobe")
    await writeFile(ffprobe, `#!/bin/sh\necho "$@" >> '${log}'\nexec '${Bun.which("ffprobe")}' "$@"\n`)
    await chmod(ffprobe, 0o755)
    const timesAsked = async () =>
      (await readFile(log, "utf8"))
        .split("\n")
        .filter((line) => line.includes("format=format_name") && !line.includes("-show_data")).length
    const file = await makeVideo({ codec: "ffv1", name: "asked.mkv" })
    const readTwice = Effect.gen(function* () {
      const { frames, probe } = yield* VideoDecoder
      const source = yield* probe(file)
      for (const at of [3, 30])
        yield* Stream.runDrain(frames(source, [at], { output: { format: "JPEG", quality: 80 } }))
    })
    await Effect.gen(function* () {
      yield* readTwice
      expect(yield* Effect.promise(timesAsked)).toBe(1)
      yield* Effect.promise(async () => writeFile(file, await readFile(file)))
      yield* readTwice
      expect(yield* Effect.promise(timesAsked)).toBe(2)
    }).pipe(Effect.provide(servicesOf(Ffmpeg.make({ bin, deadlineMs: 30_000, size: 1 }))), Effect.runPromise)
  },
)
