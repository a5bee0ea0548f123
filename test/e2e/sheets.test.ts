import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { defaultSheet, type RunSettings } from "../../src/config.ts"
import { validateFolder } from "../../src/dataset/validate.ts"
import { openJpeg, pixelsOf } from "../../src/picture/jpeg.ts"
import { startChatServer } from "../support/chat-server.ts"
import { rootCopy } from "../support/finished.ts"
import { temporaryFolder } from "../support/folders.ts"
import { foreseenRun } from "../support/foreseen.ts"
import { makeVideo } from "../support/media.ts"
import { changedFiles, filesBelow, stampsBelow } from "../support/run-cli.ts"
import { quickSettings, runPipeline } from "../support/run-pipeline.ts"

const id = "cup"
const steps = 3
/** Frames that are no multiple of a sheet's places. */
const maxFrames = 23
/** Twelve places a sheet: the last has fewer, and rows of its own. */
const grid = { columns: 4, rows: 3, tilePx: 200 }
const sheets = { poolSheet: grid } satisfies Partial<RunSettings>
const everywhere = { ...sheets, stepSheet: grid } satisfies Partial<RunSettings>

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let video: string
/** Finished output roots: as the contract says, with sheets in Stages 1 and 2, and with sheets in all stages. */
let plain: string
let pooled: string
let all: string

const settings = (root: string, changes: Partial<RunSettings>) =>
  quickSettings(root, { maxFrames, ...changes })

const runWith = async (root: string, changes: Partial<RunSettings>) => {
  await using server = startChatServer({ steps })
  const { error } = await runPipeline(video, settings(root, changes), server)
  return { error, calls: [...server.calls] }
}

const finish = async (name: string, changes: Partial<RunSettings>) => {
  const root = join(folder.path, name)
  const { calls, error } = await runWith(root, changes)
  if (error !== undefined) throw error
  return { root, calls }
}

let callsOf: Readonly<Record<"plain" | "pooled" | "all", Awaited<ReturnType<typeof runWith>>["calls"]>>

beforeAll(async () => {
  folder = await temporaryFolder()
  video = await makeVideo({ dir: folder.path, name: `${id}.mp4`, frames: 96, timeBase: [1, 4] })
  const made = [
    await finish("plain", {}),
    await finish("pooled", sheets),
    await finish("all", everywhere),
  ] as const
  ;[plain, pooled, all] = [made[0].root, made[1].root, made[2].root]
  callsOf = { plain: made[0].calls, pooled: made[1].calls, all: made[2].calls }
}, 300_000)
afterAll(() => folder[Symbol.asyncDispose]())

const json = (root: string, path: string) => JSON.parse(readFileSync(join(root, id, path), "utf8"))
const timesIn = (root: string, dir: string): ReadonlyArray<number> =>
  json(root, `${dir}/frame_manifest.json`).frames.map(
    ({ timestamp_sec }: { timestamp_sec: number }) => timestamp_sec,
  )

/** Between tiles. */
const gutterPx = 2

/** The numbers that `makeVideo` has drawn into the tiles of sheets, read below their badges. */
const numbersIn = async (images: ReadonlyArray<Uint8Array>): Promise<ReadonlyArray<number>> => {
  const numbers: Array<number> = []
  for (const image of images) {
    const { height, rgba, width } = await pixelsOf(openJpeg(image))
    const left = maxFrames - numbers.length
    const columns = Math.min(grid.columns, left)
    const rows = Math.min(grid.rows, Math.ceil(left / grid.columns))
    const tileWidth = (width + gutterPx) / columns - gutterPx
    const tileHeight = (height + gutterPx) / rows - gutterPx
    for (let tile = 0; tile < Math.min(left, columns * rows); tile++) {
      const x = (tile % columns) * (tileWidth + gutterPx)
      const y = Math.floor(tile / columns) * (tileHeight + gutterPx)
      // Twelve bits in two of the four rows of cells, six a row.
      const bits = Array.from({ length: 12 }, (_, bit) => {
        const across = Math.floor(x + (((bit % 6) + 0.5) * tileWidth) / 6)
        const down = Math.floor(y + ((1 + Math.floor(bit / 6) + 0.5) * tileHeight) / 4)
        return (rgba[4 * (down * width + across) + 1] ?? 0) >= 128 ? 2 ** bit : 0
      })
      numbers.push(bits.reduce((sum, bit) => sum + bit, 0))
    }
  }
  return numbers
}

const ofStage = (calls: (typeof callsOf)["plain"], stage: 1 | 2 | 3) =>
  calls.filter((call) => call.stage === stage)

const foresee = (root: string, changes: Partial<RunSettings>) => foreseenRun(video, settings(root, changes))

describe("Contact sheets as input", () => {
  test("show every frame of the pool once, in order, in as few images as hold them", async () => {
    const positions = json(pooled, "stage1/frame_manifest.json").frames.map(
      ({ original_frame_index }: { original_frame_index: number }) => original_frame_index,
    )
    for (const call of [...ofStage(callsOf.pooled, 1), ...ofStage(callsOf.pooled, 2)]) {
      expect(call.images).toHaveLength(Math.ceil(maxFrames / (grid.columns * grid.rows)))
      expect(call.labels).toEqual([])
      expect(await numbersIn(call.images)).toEqual(positions)
    }
    for (const call of ofStage(callsOf.pooled, 3)) expect(call.images).toHaveLength(maxFrames)
    for (const call of ofStage(callsOf.all, 3)) expect(call.images).toHaveLength(2)
  })

  test("are what the prompts speak of, in place of labels", () => {
    for (const call of callsOf.all) {
      expect(call.prompt).toContain("the tiles of contact sheets")
      expect(call.prompt).not.toContain("Frame NN")
      expect(call.prompt).not.toContain("without labels")
    }
    // Steps are refined at the same time, in any order.
    const refining = (calls: (typeof callsOf)["plain"]) =>
      ofStage(calls, 3)
        .map(({ prompt }) => prompt)
        .toSorted()
    expect(refining(callsOf.pooled)).toEqual(refining(callsOf.plain))
  })

  test("leave the same files as frames do, and a dataset that passes every check", async () => {
    for (const root of [pooled, all]) {
      expect(filesBelow(root)).toEqual(filesBelow(plain))
      const findings = await Effect.runPromise(validateFolder(join(root, id)))
      expect(findings.filter(({ message }) => !message.includes("4 to 7 are preferred"))).toEqual([])
    }
    const { sampling_config, schema_parts } = json(all, "run_summary.json")
    expect(sampling_config.sheets).toEqual({ columns: 4, rows: 3, tile_px: 200 })
    expect([schema_parts.input, schema_parts.step_input]).toEqual(["sheets", "sheets"])
    const without = json(plain, "run_summary.json")
    expect(without.sampling_config).not.toHaveProperty("sheets")
    expect(without.schema_parts).not.toHaveProperty("input")
    expect(timesIn(pooled, "stage1")).toEqual(timesIn(plain, "stage1"))
  })

  test("are kept by the next run, which asks nothing and writes nothing", async () => {
    await using root = await rootCopy(all)
    const before = stampsBelow(root.path)
    const { calls, error } = await runWith(root.path, everywhere)
    expect([error, calls.length]).toEqual([undefined, 0])
    expect(changedFiles(before, stampsBelow(root.path))).toEqual([])
  })

  test.each<readonly [string, () => string, Partial<RunSettings>, string]>([
    ["added", () => plain, sheets, "the input (frames, now sheets)"],
    ["taken away", () => pooled, {}, "the input (sheets, now frames)"],
    ["extended to steps", () => pooled, everywhere, "the input of steps (frames, now sheets)"],
    ["in place of times", () => plain, { frameTimes: true }, "the text with times (none, now before frames)"],
  ])(
    "%s to a finished folder, they are refused with what differs and the way out",
    async (_, from, changes, why) => {
      await using root = await rootCopy(from())
      const before = stampsBelow(root.path)
      const { calls, error } = await runWith(root.path, changes)
      expect(error?.message).toContain(why)
      expect(error?.message).toContain("--input, --step-input, --frame-times")
      expect(calls).toEqual([])
      expect(changedFiles(before, stampsBelow(root.path))).toEqual([])
      expect((await foresee(root.path, changes)).failures[0]?.message).toContain(why)
      expect((await runWith(root.path, { ...changes, overwrite: true })).error).toBeUndefined()
    },
  )

  test("of another layout are other images: the model is asked again, with the frames there", async () => {
    await using root = await rootCopy(pooled)
    const wider = { poolSheet: defaultSheet }
    const expected = await foresee(root.path, wider)
    const { calls, error } = await runWith(root.path, wider)
    expect(error).toBeUndefined()
    // The answers are the same as before, so that what follows from them stands.
    expect(calls.map(({ stage }) => stage)).toEqual([1, 2])
    expect(calls.map(({ images }) => images.length)).toEqual([1, 1])
    // What follows from an answer that is missing counts as missing, too.
    expect(expected.calls).toBe(2 + steps)
  })

  const stepFolders = (dir: string) => readdirSync(dir).filter((name) => /^\d\d_/u.test(name))

  test.each<readonly [string, Partial<RunSettings>, (dir: string) => ReadonlyArray<string>]>([
    ["nothing of Stage 2", sheets, (dir) => ["stage2", ...stepFolders(dir)]],
    ["nothing of Stage 2, and sheets in all", everywhere, (dir) => ["stage2", ...stepFolders(dir)]],
    ["localised, with steps to refine", everywhere, stepFolders],
    ["one step to refine", everywhere, (dir) => stepFolders(dir).slice(1, 2)],
    ["done", everywhere, () => []],
  ])("take the calls and images that a dry run says: %s", async (_, wanted, gone) => {
    await using root = await rootCopy(wanted === everywhere ? all : pooled)
    const dir = join(root.path, id)
    for (const name of gone(dir)) rmSync(join(dir, name), { recursive: true })
    const expected = await foresee(root.path, wanted)
    const { calls, error } = await runWith(root.path, wanted)
    expect([error, expected.failures]).toEqual([undefined, []])
    expect(expected.calls).toBe(calls.length)
    expect(expected.images).toBe(calls.reduce((sum, call) => sum + call.images.length, 0))
  })

  test("are looked at by the rehearsal tile by tile", async () => {
    await using root = await temporaryFolder()
    const { error } = await runPipeline(video, settings(root.path, everywhere), "rehearsal")
    expect(error).toBeUndefined()
    const findings = await Effect.runPromise(validateFolder(join(root.path, id)))
    expect(findings.filter(({ severity }) => severity === "error")).toEqual([])
  })
})

describe("Times as text before frames", () => {
  test("stand before every frame that is an image by itself, after its index where that is text, too", async () => {
    await using root = await temporaryFolder()
    const { calls, error } = await runWith(root.path, { frameTimes: true, imageLabels: "both" })
    expect(error).toBeUndefined()
    const times = timesIn(root.path, "stage1").map((seconds) => `<${seconds.toFixed(1)} seconds>`)
    expect(ofStage(calls, 1)[0]?.labels).toEqual(times)
    expect(ofStage(calls, 2)[0]?.labels).toEqual(
      times.map((time, i) => `Frame ${String(i + 1).padStart(2, "0")} ${time}`),
    )
    const [step] = readdirSync(join(root.path, id)).filter((name) => name.startsWith("01_"))
    expect(
      ofStage(calls, 3)
        .find(({ stepId }) => stepId === 1)
        ?.labels.at(-1),
    ).toEndWith(
      ` <${timesIn(root.path, step ?? "")
        .at(-1)
        ?.toFixed(1)} seconds>`,
    )
    for (const { prompt } of calls) expect(prompt).toContain("`<12.5 seconds>`")
  })

  test("go with sheets for the stages that have none", async () => {
    await using root = await temporaryFolder()
    const { calls, error } = await runWith(root.path, { ...sheets, frameTimes: true })
    expect(error).toBeUndefined()
    for (const { images, labels, prompt, stage } of calls) {
      expect(labels).toHaveLength(stage === 3 ? images.length : 0)
      expect(prompt.includes("<12.5 seconds>")).toBe(stage === 3)
    }
  })
})
