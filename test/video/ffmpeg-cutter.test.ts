import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync } from "node:fs"
import { chmod, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Either, Fiber } from "effect"
import { hugeEncoding } from "../../src/picture/huge-pictures.ts"
import { ClipCutter, type CutMode } from "../../src/video/ClipCutter.ts"
import * as Ffmpeg from "../../src/video/ffmpeg/backend.ts"
import { reencodeArguments } from "../../src/video/ffprobe/cut-arguments.ts"
import type { VideoSource } from "../../src/video/VideoDecoder.ts"
import { triesAt } from "../support/attempts.ts"
import { runFolder } from "../support/folders.ts"
import { videoSource } from "../support/video-source.ts"
import { cutOf, servicesOf } from "./video-layers.ts"

setDefaultTimeout(60_000)

const folder = runFolder()

const source = videoSource({
  file: join(folder, "film.mp4"),
  streamIndex: 2,
  codedWidth: 160,
  codedHeight: 120,
  displayWidth: 160,
  displayHeight: 120,
  timeBase: { num: 1, den: 1000 },
  framePts: [0, 40, 80, 121, 160, 5000, 5040],
  endPts: 5080,
})

/** The output that the program was given, without `file:`. */
const LAST = `for last; do :; done; last="\${last#file:}"`
/** A list of frames goes to a pipe, a clip to a file. */
const WRITES = `${LAST}; case "$last" in pipe:*) ;; *) echo clip > "$last";; esac`

/** A program in the place of ffmpeg. */
const program = async (name: string, script: string, mode = 0o755) => {
  const file = join(folder, name)
  await writeFile(file, `#!/bin/sh\n${script}\n`)
  await chmod(file, mode)
  return file
}

const request = (name: string, mode: CutMode) => cutOf(source, 0, 160, join(folder, name), { mode })

const cutWith = (bin: string, output: string, deadlineMs = 30_000, mode: CutMode = "reencode") =>
  Effect.gen(function* () {
    return yield* (yield* ClipCutter).cut(request(output, mode))
  }).pipe(Effect.provide(servicesOf(Ffmpeg.make({ bin, deadlineMs, size: 2 }))))

const failureOf = (bin: string, output: string, deadlineMs?: number) =>
  Effect.runPromise(Effect.flip(cutWith(bin, output, deadlineMs)))

/** Resolves when the file exists, with its text. */
const appears = async (file: string): Promise<string> => {
  while (!existsSync(file) || (await readFile(file, "utf8")) === "") await Bun.sleep(5)
  return readFile(file, "utf8")
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe("cutting with an ffmpeg program", () => {
  test("BackendUnavailable: the program is missing or is none", async () => {
    const plain = await program("plain.txt", "exit 0", 0o644)
    for (const bin of [join(folder, "missing"), plain, folder]) {
      const failure = await failureOf(bin, "never.mp4")
      expect(failure.reason).toBe("BackendUnavailable")
      expect(failure.message).toContain(bin)
    }
  })

  test("CutFailed with the end of the error output; the file is removed", async () => {
    const output = join(folder, "partial.mp4")
    const bin = await program(
      "failing",
      `${LAST}; echo half > "$last"; echo first >&2; echo "no space left" >&2; exit 7`,
    )
    const failure = await failureOf(bin, "partial.mp4")
    expect(failure.reason).toBe("CutFailed")
    expect(failure.message).toContain("code 7")
    expect(failure.message).toContain("no space left")
    expect(triesAt(output)).toEqual([])
  })

  test("of a long error output the end is told", async () => {
    const bin = await program("chatty", "yes damaged | head -c 3000000 >&2; echo the last word >&2; exit 7")
    const { message } = await failureOf(bin, "chatty.mp4")
    expect(message).toEndWith("the last word")
    expect(message.length).toBeLessThan(1000)
  })

  test("CutFailed: fewer frames were written than asked for", async () => {
    const bin = await program("short", `${WRITES}; echo frame=2; echo progress=end`)
    expect((await failureOf(bin, "short.mp4")).reason).toBe("CutFailed")
  })

  test("near the start, where there is nothing to jump over, nothing is run twice alike", async () => {
    const log = join(folder, "runs.log")
    // Neither a clip nor a copy comes out as it should.
    const bin = await program("alike", `echo "$@" | sed 's/\\.mp4\\.[0-9a-f]*/.mp4/g' >> '${log}'; ${WRITES}`)
    for (const mode of ["reencode", "copy"] as const) {
      await rm(log, { force: true })
      await Effect.runPromise(Effect.flip(cutWith(bin, "alike.mp4", 30_000, mode)))
      const runs = (await readFile(log, "utf8")).trim().split("\n")
      expect(runs.length).toBeGreaterThan(1)
      expect(runs).toEqual([...new Set(runs)])
    }
  })

  test("the number of frames is that of the last report", async () => {
    const bin = await program(
      "good",
      `${WRITES}; echo frame=1; echo progress=continue; echo frame=4; echo progress=end`,
    )
    const reply = await Effect.runPromise(cutWith(bin, "good.mp4"))
    expect(reply).toEqual({ frames: 4, firstPts: 0, cutter: "ffmpeg", mode: "reencode", copiedFrames: 0 })
  })

  test("what should be joined is re-encoded, and the result says why", async () => {
    const bin = await program("joins not", `${WRITES}; echo frame=4; echo progress=end`)
    const reply = await Effect.runPromise(cutWith(bin, "whole.mp4", 30_000, "smart"))
    expect(reply).toMatchObject({
      frames: 4,
      mode: "reencode",
      reason: "the cutter ffmpeg cannot join packets",
    })
  })

  test("a program that never ends is killed after the deadline", async () => {
    const pidFile = join(folder, "slow.pid")
    const bin = await program("slow", `echo $$ > "${pidFile}"; exec sleep 600`)
    const failure = await failureOf(bin, "slow.mp4", 500)
    expect(failure.reason).toBe("WorkerFailed")
    expect(failure.message).toContain("nothing within 0.5 s")
    expect(isAlive(Number(await appears(pidFile)))).toBe(false)
  })

  test("interruption kills the program and removes its file", async () => {
    const [pidFile, output] = [join(folder, "endless.pid"), join(folder, "endless.mp4")]
    const bin = await program(
      "endless",
      `${LAST}; echo half > "$last"; echo $$ > "${pidFile}"; exec sleep 600`,
    )
    const fiber = Effect.runFork(cutWith(bin, "endless.mp4"))
    const pid = Number(await appears(pidFile))
    expect(isAlive(pid)).toBe(true)
    await Effect.runPromise(Fiber.interrupt(fiber))
    expect(isAlive(pid)).toBe(false)
    expect(triesAt(output)).toEqual([])
  })
})

describe("arguments for ffmpeg", () => {
  const argumentsFor = (startPts: number, endPts: number, seek = true) => {
    const wanted = source.framePts.filter((pts) => pts >= startPts && pts < endPts)
    return reencodeArguments(cutOf(source, startPts, endPts, join(folder, "out.part")), wanted, seek)
  }

  test("trim by exact PTS, from the chosen stream, without loss of times", () => {
    const args = argumentsFor(4000, 5080).join(" ")
    expect(args).toContain("trim=start_pts=4000:end_pts=5080,setpts=PTS-5000,")
    expect(args).toContain("-map 0:2 ")
    expect(args).toContain("-copyts")
    expect(args).toContain("-fps_mode passthrough")
    expect(args).toContain("-ss 3.000000 ")
    expect(argumentsFor(4000, 5080, false)).not.toContain("-ss")
  })

  test("no jump near the start", () => {
    expect(argumentsFor(40, 160)).not.toContain("-ss")
  })

  test("no B-frames where the frame rate varies", () => {
    expect(argumentsFor(0, 160).join(" ")).toContain("-bf 0")
    expect(argumentsFor(5000, 5080).join(" ")).not.toContain("-bf")
  })

  test("an encoder that holds few pictures where these are huge", () => {
    const argumentsOf = (codedWidth: number, codedHeight: number) =>
      reencodeArguments(
        cutOf({ ...source, codedWidth, codedHeight }, 0, 160, join(folder, "out.part")),
        [0, 40, 80, 121],
        true,
      ).join(" ")
    const huge = hugeEncoding(8192, 8192, "", 18)
    expect(argumentsOf(8192, 8192)).toContain(`-x264-params cpu-independent=1:${huge?.params} -threads 1 `)
    expect(argumentsOf(3840, 2160)).toContain("-x264-params cpu-independent=1 -threads 2 ")
  })

  test("a jump nowhere where decoding needs what came with the first packet, or times go back", () => {
    const late = (changes: Partial<VideoSource>) =>
      reencodeArguments(
        cutOf({ ...source, ...changes }, 4000, 5080, join(folder, "out.part")),
        [5000, 5040],
        true,
      ).join(" ")
    expect(late({})).toContain("-ss 3.000000 ")
    expect(late({ pixelFormat: "pal8" })).not.toContain("-ss")
    const backwards = late({ leftOut: { frames: 3, pts: 0, afterPts: 80 } })
    expect(backwards).not.toContain("-ss")
    expect(backwards).toContain("-vf select=isnan(prev_selected_pts)+gt(pts\\,prev_selected_pts),trim=")
  })
})

describe("a program is an ffmpeg only if it says so", () => {
  const isOne = (bin: string) =>
    Effect.flatMap(ClipCutter, ({ available }) => Effect.either(available)).pipe(
      Effect.provide(servicesOf(Ffmpeg.make({ bin, deadlineMs: 30_000, size: 1 }))),
      Effect.map((result) => (Either.isLeft(result) ? result.left.message : "yes")),
      Effect.runPromise,
    )

  test.each([
    ["says-nothing", "exit 0", "nothing"],
    ["ffprobe", "echo ffprobe version 7.1", "ffprobe version 7.1"],
    ["fails", "echo not here >&2; exit 1", "not here"],
  ])("%s", async (name, script, says) => {
    const bin = await program(name, script)
    expect(await isOne(bin)).toBe(`the program "${bin}" does not answer as ffmpeg does; it says: ${says}`)
  })

  test("one that does", async () => {
    expect(await isOne(await program("ffmpeg", "echo ffmpeg version n7.1-custom; echo built with gcc"))).toBe(
      "yes",
    )
  })
})
