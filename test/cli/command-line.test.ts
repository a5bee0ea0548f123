import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Either } from "effect"
import * as v from "valibot"
import { readCommandLine } from "../../src/cli/command-line.ts"
import { commandHelp, flagsOf } from "../../src/cli/help.ts"
import { jsonLineSchema } from "../../src/cli/progress/json.ts"
import { temporaryFolder } from "../support/folders.ts"
import { runCli } from "../support/run-cli.ts"

let folder: Awaited<ReturnType<typeof temporaryFolder>>
beforeAll(async () => {
  folder = await temporaryFolder()
  writeFileSync(join(folder.path, "my video.mp4"), "")
  writeFileSync(join(folder.path, "a.mp4"), "")
  writeFileSync(join(folder.path, "list.txt"), "")
  mkdirSync(join(folder.path, "videos"))
})
afterAll(() => folder[Symbol.asyncDispose]())

const said = (...args: ReadonlyArray<string>): string =>
  Either.match(readCommandLine(args), { onLeft: (message) => message, onRight: () => "nothing" })

const understood = (...args: ReadonlyArray<string>) =>
  Either.match(readCommandLine(args), { onLeft: (message) => message, onRight: (request) => request })

describe("a name that does not exist is answered with the nearest that does", () => {
  const pipeline: ReadonlyArray<readonly [typed: string, meant: string]> = [
    ["--input-vidio", "--input-video FILE"],
    ["--inptu-video", "--input-video FILE"],
    ["--inputvideo", "--input-video FILE"],
    ["--input_video", "--input-video FILE"],
    ["--Input-Video", "--input-video FILE"],
    ["-input-video", "--input-video FILE"],
    ["\u2014input-video", "--input-video FILE"],
    ["\u2013input-video", "--input-video FILE"],
    ["--max-fr", "--max-frames N"],
    ["--frames", "--max-frames N"],
    ["--out-root", "--output-root DIR"],
    ["--output", "--output-root DIR"],
    ["--overwirte", "--overwrite"],
    ["--continue-on-eror", "--continue-on-error"],
    ["--hepl", "--help"],
    ["--concurrency", "--step-concurrency N or --video-concurrency N"],
  ]
  test.each(pipeline)("%s", (typed, meant) => {
    expect(said("pipeline", typed, "x")).toBe(`there is no flag ${typed}; did you mean ${meant}?`)
    expect(said("pipeline", `${typed}=x`)).toBe(`there is no flag ${typed}; did you mean ${meant}?`)
  })

  test.each([
    ["pipelin", "pipeline"],
    ["Pipeline", "pipeline"],
    ["stage", "stage1, stage2 or stage3"],
    ["stage_1", "stage1"],
    ["valdiate", "validate"],
    ["stats", "status"],
    ["frame", "frames"],
  ])("command %s", (typed, meant) => {
    expect(said(typed, "--rehearsal")).toBe(`there is no command "${typed}"; did you mean ${meant}?`)
  })

  test("one that is near to nothing gets the list, or the way to it", () => {
    expect(said("run")).toContain("the commands are pipeline, stage1,")
    expect(said("pipeline", "--fast")).toBe(
      "there is no flag --fast; bun run pipeline --help lists its flags",
    )
    expect(said("status", "--max-frames", "8")).toBe(
      "status has no flag --max-frames, which other commands have; bun run status --help lists its flags",
    )
  })

  test("every flag of every command is found again with two letters swapped", () => {
    for (const command of Object.keys(commandHelp)) {
      for (const { name } of flagsOf(command).filter((flag) => flag.name.length > 3)) {
        const swapped = `--${name.slice(0, 1)}${name[2]}${name[1]}${name.slice(3)}`
        if (swapped === `--${name}`) continue
        expect(said(command, swapped)).toContain(`did you mean --${name}`)
      }
    }
  })
})

describe("what is wrong with the form is said as that", () => {
  const cases: ReadonlyArray<readonly [args: ReadonlyArray<string>, says: string]> = [
    [["--input-video"], "--input-video needs a value, as in --input-video FILE"],
    [["--input-video", "--rehearsal"], "--input-video needs a value, as in --input-video FILE"],
    [["--input-video", "a.mp4", "--max-frames"], "--max-frames needs a value, as in --max-frames N"],
    [["--input-video", "a", "--input-video", "b"], "--input-video is given twice; give it once; for several"],
    [["--max-frames", "8", "--max-frames=8"], "--max-frames is given twice; give it once"],
    [["--rehearsal", "--rehearsal"], "--rehearsal is given twice; once is enough"],
    [["--rehearsal=yes"], "--rehearsal takes no value"],
    [["--rehearsal", "false"], "--rehearsal takes no value: it is on when it is given; leave false out"],
    [["--no-rehearsal"], "--no-rehearsal is not needed: leave --rehearsal out"],
    [["video.mp4"], "video.mp4 is given without a flag; did you mean --input-video video.mp4?"],
    [["VIDEO.MOV"], "did you mean --input-video VIDEO.MOV?"],
    [["--rehearsal", "it's one.mkv"], "did you mean --input-video 'it'\\''s one.mkv'?"],
    [["--input-video", "a.mp4", "b.mp4"], "--input-video takes one file; for several give --input-video-dir"],
    [["--stages", "1", "2"], "--stages takes one value, without blanks: --stages 1,2"],
    [["--input-video", "a.mp4", "--", "b.mp4"], "-- has no meaning here"],
    [["--input-video="], "--input-video must not be empty"],
    [["--model", " "], "--model must not be empty"],
  ]
  test.each(cases)("pipeline %j", (args, says) => {
    expect(said("pipeline", ...args)).toContain(says)
  })

  test("an argument without a flag is given the one it is likely meant for", () => {
    const at = (name: string) => join(folder.path, name)
    expect(said("pipeline", at("videos"))).toContain(`did you mean --input-video-dir ${at("videos")}?`)
    expect(said("pipeline", at("list.txt"))).toContain(`did you mean --input-list ${at("list.txt")}?`)
    expect(said("pipeline", "--input-video", at("my"), "video.mp4")).toBe(
      `a name with blanks in it has to stand in quotes: --input-video '${at("my video.mp4")}'`,
    )
    expect(said("status", folder.path)).toContain(`did you mean --output-root ${folder.path}?`)
    expect(said("frames", "a.mp4", "--at", "1")).toContain("did you mean --video a.mp4?")
    expect(said("frames", "--video", "a.mp4", "12.5")).toContain("did you mean --at 12.5?")
    expect(said("a.mp4")).toBe("there is no command a.mp4; for a video: bun run pipeline --input-video a.mp4")
    expect(said(at("videos"))).toContain(`bun run pipeline --input-video-dir ${at("videos")}`)
    expect(said("--rehearsal", "pipeline")).toBe(
      "the command comes first, then its flags: bun run pipeline ...",
    )
  })
})

describe("a wrong value names its flag", () => {
  const wrong: ReadonlyArray<readonly [flag: string, values: ReadonlyArray<string>, must: string]> = [
    [
      "max-frames",
      ["many", "", " ", "3", "1000", "-5", "4.5", "NaN", "Infinity", "0x10", "1e3", "8,5", "eight", "٨"],
      "must be a whole number from 4 to 999",
    ],
    [
      "temperature",
      ["hot", "", "-0.1", "2.1", "NaN", "nan", "Infinity", "0b1", "1,5"],
      "must be a number from 0 to 2",
    ],
    ["limit", ["0", "-1", "1.5", "all"], "must be a whole number from 1 to 1000000000"],
    ["decoder", ["nativ", "NATIVE", "", "gpu"], "must be auto, native, ffmpeg or wasm"],
    ["cut-mode", ["fast"], "must be smart, reencode or copy"],
    ["preset", ["warp"], "must be ultrafast,"],
    ["stages", ["", "4", "1;2", "all", "1,,2"], "must list stages out of 1, 2 and 3"],
    ["shard", ["0/2", "3/2", "1", "1/0", "-1/2"], "must be I/N"],
    ["output-root", ["", "  "], "must name a folder"],
    ["price-in", ["cheap", "-1"], "must be a number from 0 to 100000"],
  ]
  test.each(wrong)("--%s", (flag, values, must) => {
    for (const value of values) {
      for (const args of [[`--${flag}`, value], [`--${flag}=${value}`]])
        expect(said("pipeline", ...args)).toStartWith(`--${flag} ${must}`)
    }
  })

  test("the name is the one that was typed", () => {
    expect(said("pipeline", "--num-workers", "none")).toStartWith("--num-workers must be a whole number")
    expect(understood("pipeline", "--num-workers", "2")).toMatchObject({
      args: ["pipeline", "--video-concurrency", "2"],
    })
    expect(said("pipeline", "--num-worker", "2")).toContain("did you mean --video-concurrency N?")
  })

  test("a word that is nearly one of those allowed gets it named", () => {
    expect(said("pipeline", "--decoder", "nativ")).toEndWith("; did you mean native?")
    expect(said("pipeline", "--cut-mode", "SMART")).toEndWith("; did you mean smart?")
  })
})

describe("a key is never shown, however it is mistyped", () => {
  const key = "Zq8-secretKey"
  const lines: ReadonlyArray<ReadonlyArray<string>> = [
    ["--api-kye", key],
    [`--api-kye=${key}`],
    [`--api-key${key}`],
    [`--api-key:${key}`],
    [`--apikey${key}`],
    [`-${key}`],
    [`--${key}`],
    ["--api-key=", key],
    ["--api-key", "part", key],
    ["--api-key", `--${key}`],
    ["--key", key],
    ["--token", key],
    [key],
    ["--rehearsal", key],
    ["--api-key", key, "--api-key", key],
    ["--max-frames", key],
    ["--decoder", key],
    ["--temperature", key],
    ["--api-key", key, "video.mp4"],
    [`--rehearsal=${key}`],
  ]
  test.each(lines)("pipeline %j %j", (...args) => {
    const typed = args.filter((arg) => typeof arg === "string")
    for (const command of ["pipeline", "stage2", "status", "frames"]) {
      const text = said(command, ...typed)
      expect(text).not.toBe("nothing")
      expect(text.toLowerCase()).not.toContain(key.toLowerCase())
    }
  })

  test("a command line that begins with the key does not show it either", () => {
    expect(said("--api-key", key, "pipeline")).not.toContain(key)
  })
})

describe("a right line is handed on in its plainest form", () => {
  test("with each value an argument of its own, whatever it looks like", () => {
    expect(understood("pipeline", "--input-video=a=b.mp4", "--rehearsal", "--temperature", "0.5")).toEqual({
      kind: "run",
      args: ["pipeline", "--input-video", "a=b.mp4", "--rehearsal", "--temperature", "0.5"],
    })
    expect(understood("pipeline", "--api-key=--odd", "--input-video", "-odd.mp4")).toMatchObject({
      args: ["pipeline", "--api-key", "--odd", "--input-video", "-odd.mp4"],
    })
    expect(understood("frames", "--at", "1", "--at=-2.5", "--video", "a.mp4")).toMatchObject({
      args: ["frames", "--at", "1", "--at", "-2.5", "--video", "a.mp4"],
    })
    expect(understood("validate", "dataset", "--check-deps", "more")).toMatchObject({
      args: ["validate", "--check-deps", "dataset", "more"],
    })
  })

  test("help and the version are given wherever they are asked for", () => {
    expect(understood()).toEqual({ kind: "help", command: undefined })
    expect(understood("help", "status")).toEqual({ kind: "help", command: "status" })
    expect(understood("status", "--nonsense", "-h")).toEqual({ kind: "help", command: "status" })
    expect(understood("pipeline", "--version")).toEqual({ kind: "version" })
  })
})

describe("as a program", () => {
  test.each(Object.keys(commandHelp))(
    "%s --json with wrong usage prints one object on stdout",
    async (command) => {
      const { code, stdout, stderr } = await runCli([command, "--json", "--nonsense"])
      expect(code).toBe(2)
      const [line = "", ...others] = stdout.trimEnd().split("\n")
      expect(others).toEqual([])
      const object = v.parse(jsonLineSchema, JSON.parse(line))
      expect(object).toMatchObject({ event: "error", exit_code: 2 })
      expect(stderr.trim().split("\n")).toHaveLength(1)
    },
  )

  test("wrong usage that is only seen later is told as an object too", async () => {
    for (const args of [
      ["pipeline", "--json", "--input-video", "/nowhere.mp4", "--rehearsal"],
      ["pipeline", "--json", "--input-video", "/nowhere.mp4", "--api-base", "nowhere"],
      ["stage2", "--json"],
      ["status", "--json", "--output-root", "/nowhere"],
    ]) {
      const { code, stdout } = await runCli(args)
      expect(code).toBe(2)
      expect(v.parse(jsonLineSchema, JSON.parse(stdout))).toMatchObject({ event: "error", exit_code: 2 })
    }
  })
})

describe("what is left out is named", () => {
  test.each<[ReadonlyArray<string>, string]>([
    [["convert"], "convert needs --gold PATH and --output DIR"],
    [["convert", "--gold", "a.json"], "convert needs --output DIR"],
    [["score"], "score needs --gold PATH"],
    [["evaluate", "--rehearsal"], "evaluate needs --gold PATH"],
    [["validate", ""], "an argument is empty; a variable that it is taken from may not be set"],
    [["validate", "a", " "], "an argument is empty; a variable that it is taken from may not be set"],
    [["compare", "a", ""], "an argument is empty; a variable that it is taken from may not be set"],
  ])("%j", (args, sentence) => {
    expect(said(...args)).toBe(sentence)
  })
})

test("help for a command that does not exist names the nearest", () => {
  expect(said("help", "pipelin")).toBe('there is no command "pipelin"; did you mean pipeline?')
  expect(understood("help", "pipeline")).toEqual({ kind: "help", command: "pipeline" })
  expect(understood("help", "--verbose")).toEqual({ kind: "help", command: undefined })
})
