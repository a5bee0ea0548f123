import { expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Layer, Stream } from "effect"
import { defaultSettings, Layers, type ModelReply, noUsage, runBatch, VisionModel } from "../../src/index.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { runCli } from "../support/run-cli.ts"

setDefaultTimeout(60_000)

/** A model of an embedder's own, which says of itself what it is and no more. */
const ownModel = (asked: Array<string>) =>
  Layer.succeed(VisionModel, {
    config: { kind: "in-house", model: "our-vlm", checkpoint: "step 4,000", quantised: { bits: 8 } },
    complete: (request) =>
      Effect.sync(() => {
        asked.push(request.task.stage)
        return {
          // As valid as any: what is looked at here is who answers.
          text: JSON.stringify(request.task.rehearse(request.images.slice(1).map((_, i) => i % 3))),
          truncated: false,
          model: "our-vlm",
          usage: noUsage,
          costUsd: null,
          estimated: null,
          latencyMs: 1,
          waitMs: 0,
          transportAttempts: 0,
          responseFormat: "none",
          adjusted: [],
        } satisfies ModelReply
      }),
  })

test("a model of one's own makes folders that are validated, told of, and resumed like any others", async () => {
  await using folder = await temporaryFolder()
  const video = await makeVideo({ dir: folder.path, name: "cup.mp4", frames: 60 })
  const outputRoot = join(folder.path, "dataset")
  const asked: Array<string> = []
  const run = () =>
    Stream.runCollect(
      runBatch(Stream.make(video), {
        settings: { ...defaultSettings, outputRoot, maxFrames: 8 },
        videoConcurrency: 1,
        continueOnError: false,
        graceSec: 1,
      }),
    ).pipe(
      Effect.provide(Layer.provide(Layers.pipeline, Layer.merge(Layers.video(), ownModel(asked)))),
      Effect.map((events) => [...events].map(({ type }) => type)),
      Effect.runPromise,
    )

  expect(await run()).toContain("VideoFinished")
  expect(new Set(asked)).toEqual(new Set(["draft", "localize", "refine"]))
  const calls = asked.length

  const recorded = JSON.parse(readFileSync(join(outputRoot, "cup", "run_summary.json"), "utf8"))
  expect(recorded.api_config).toEqual({
    kind: "in-house",
    model: "our-vlm",
    checkpoint: "step 4,000",
    quantised: { bits: 8 },
  })
  expect(recorded.rehearsal).toBe(false)

  const validated = await runCli(["validate", outputRoot])
  expect([validated.code, validated.stderr]).toEqual([0, ""])
  const status = await runCli(["status", "--output-root", outputRoot])
  expect([status.code, status.stderr]).toEqual([0, ""])

  expect(await run()).toContain("VideoFinished")
  expect(asked).toHaveLength(calls)
})
