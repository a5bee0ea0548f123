import { beforeAll, describe, expect, test } from "bun:test"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Either } from "effect"
import * as v from "valibot"
import { adoptableFolder } from "../../src/dataset/adopt.ts"
import { videoFolder } from "../../src/dataset/layout.ts"
import { localStore } from "../../src/dataset/local-store.ts"
import { runSummarySchema } from "../../src/dataset/run-summary.ts"
import type { SummaryHeader } from "../../src/dataset/summary.ts"
import { runFolder } from "../support/folders.ts"
import { runIn } from "../support/in-root.ts"
import { makeVideo } from "../support/media.ts"
import { draftReply } from "../support/replies.ts"
import { quickSettings } from "../support/run-pipeline.ts"
import { withVideoRun } from "../support/video-run.ts"

/** What a run with a model says of itself: a pool of 8 frames, the structured annotation. */
let header: SummaryHeader
beforeAll(async () => {
  const root = runFolder()
  const video = await makeVideo({ dir: runFolder(), name: "cup.mp4", frames: 8 })
  await withVideoRun(video, quickSettings(root), () => Effect.void)
  const summary = await Bun.file(join(root, "cup", "run_summary.json")).json()
  header = { ...v.parse(runSummarySchema, summary), rehearsal: false }
})

const fingerprint = "sha256:abab"

/** The end of the attempt to adopt a folder with these files, `undefined` for a file that is not there. */
const adopting = async (
  files: { readonly summary?: object; readonly frames?: number; readonly draft?: unknown } = {},
  adoption: Partial<Parameters<typeof adoptableFolder>[2]> = { adopt: true },
  changes: Partial<SummaryHeader> = {},
) => {
  const root = runFolder()
  mkdirSync(join(root, "cup", "stage1"), { recursive: true })
  const original = { source_video: header.source_video, schema_fingerprint: fingerprint }
  const put = (name: string, json: unknown) => writeFileSync(join(root, "cup", name), JSON.stringify(json))
  put("run_summary.json", files.summary ?? original)
  put("stage1/frame_manifest.json", { num_frames: files.frames ?? 8 })
  put("stage1/draft_plan.json", files.draft ?? draftReply("structured"))
  const folder = videoFolder(localStore(root), "cup")
  const wanted = { adopt: false, allowLegacyResume: false, ...adoption }
  const result = await runIn(root, Effect.either(adoptableFolder(folder, { ...header, ...changes }, wanted)))
  return Either.isRight(result) ? result.right : { reason: result.left.reason, message: result.left.message }
}

const from = { schema_fingerprint: fingerprint, model: null, updated_at_utc: null }
const legacy = () => ({ source_video: header.source_video })

describe("a folder of the original implementation", () => {
  test("is continued with --adopt, and what it says of itself is kept", async () => {
    expect(await adopting()).toEqual(from)
    const summary = {
      ...legacy(),
      schema_fingerprint: fingerprint,
      updated_at_utc: "2026-01-12",
      api_config: { model_name: "m" },
    }
    expect(await adopting({ summary })).toEqual({ ...from, model: "m", updated_at_utc: "2026-01-12" })
  })

  test("without a fingerprint is continued with --allow-legacy-resume, too, and one with it is not", async () => {
    const allowed = { allowLegacyResume: true }
    expect(await adopting({ summary: legacy() }, allowed)).toEqual({ ...from, schema_fingerprint: null })
    expect(await adopting({}, allowed)).toMatchObject({ reason: "FingerprintMismatch" })
    const refused = [await adopting({ summary: legacy() }, {}), await adopting({}, {})]
    expect(refused.map((end) => end && "message" in end && end.message)).toEqual([
      expect.stringContaining("without a schema fingerprint; --adopt or --allow-legacy-resume continues it"),
      expect.stringContaining(
        `with the schema fingerprint ${fingerprint}, and this run has ${header.schema_fingerprint}; --adopt`,
      ),
    ])
  })

  test.each<[string, Parameters<typeof adopting>, string, string]>([
    [
      "another video's",
      [{ summary: { source_video: "/other.mp4" } }],
      "ForeignFolder",
      "belongs to another video (/other.mp4)",
    ],
    [
      "met by a rehearsal",
      [{}, { adopt: true }, { rehearsal: true }],
      "RehearsalOverReal",
      "adopt it with a model",
    ],
    ["of another pool", [{ frames: 50 }], "FingerprintMismatch", "give --max-frames 50"],
    [
      "of another annotation",
      [{ draft: draftReply("numbered") }],
      "FingerprintMismatch",
      "give --annotation-schema numbered",
    ],
  ])("that is %s is refused, with what to do", async (_what, given, reason, says) => {
    expect<unknown>(await adopting(...given)).toEqual({ reason, message: expect.stringContaining(says) })
  })

  test("whose draft or pool cannot be told is continued all the same", async () => {
    expect(await adopting({ draft: {} })).toEqual(from)
    expect(await adopting({ draft: {} }, { adopt: true }, { annotation_schema: "numbered" })).toEqual(from)
  })
})

test("a folder of ours is none of the original's", async () => {
  expect(await adopting({ summary: header })).toBeUndefined()
})
