import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as v from "valibot"
import { layout } from "../../../src/dataset/layout.ts"
import {
  type FrameManifest,
  frameManifestSchema,
  type StepSegments,
  stepSegmentsSchema,
} from "../../../src/dataset/records.ts"

/** A frame pool of a finished folder. */
export interface PoolOnDisk {
  /** Relative to the video's folder. */
  readonly dir: string
  readonly manifest: FrameManifest
}

/** What of a finished folder is compared with the video. */
export interface FinishedFolder {
  readonly root: string
  readonly codec: string
  readonly codedSize: string
  readonly displaySize: string
  readonly frames: number
  readonly timeBase: string
  readonly decoder: string
  /** Seconds of the frames of which the record says that they are damaged. */
  readonly damaged: ReadonlyArray<number>
  readonly draftPool: PoolOnDisk
  readonly stepPools: ReadonlyArray<PoolOnDisk>
  readonly segments: StepSegments
}

const Summary = v.object({
  decoder: v.string(),
  decoding: v.optional(v.object({ damaged_sec: v.optional(v.array(v.number()), []) })),
  source: v.object({
    codec: v.string(),
    coded_size: v.string(),
    display_size: v.string(),
    frames: v.number(),
    time_base: v.string(),
  }),
})

const readJson = <S extends v.GenericSchema>(schema: S, path: string): v.InferOutput<S> =>
  v.parse(schema, JSON.parse(readFileSync(path, "utf8")))

/** Reads the records of a folder that the program calls valid; throws if they are not what the contract says. */
export const readFolder = (root: string): FinishedFolder => {
  const poolIn = (dir: string): PoolOnDisk => ({
    dir,
    manifest: readJson(frameManifestSchema, join(root, dir, layout.frameManifest)),
  })
  const { source, decoder, decoding } = readJson(Summary, join(root, layout.runSummary))
  return {
    root,
    decoder,
    damaged: decoding?.damaged_sec ?? [],
    codec: source.codec,
    codedSize: source.coded_size,
    displaySize: source.display_size,
    frames: source.frames,
    timeBase: source.time_base,
    draftPool: poolIn(layout.stage1.dir),
    stepPools: readdirSync(root)
      .filter((name) => /^\d{2,}_/u.test(name))
      .toSorted()
      .map(poolIn),
    segments: readJson(stepSegmentsSchema, join(root, layout.stage2.dir, layout.stage2.segments)),
  }
}
