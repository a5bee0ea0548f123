import { Effect } from "effect"
import manifest from "../../package.json"
import type { BorderSettings, RunSettings } from "../config.ts"
import type { VideoIdentity } from "../dataset/identity.ts"
import type { VideoFolder } from "../dataset/layout.ts"
import type { CutRecord } from "../dataset/records.ts"
import { contractVersion, type RunSummary } from "../dataset/run-summary.ts"
import type { SummaryHeader } from "../dataset/summary.ts"
import { VisionModel } from "../model/VisionModel.ts"
import type { SheetLayout } from "../picture/sheet.ts"
import { rehearsalNote } from "../plan/specimen.ts"
import { ClipCutter, type CutSettings } from "../video/ClipCutter.ts"
import { ptsSeconds, type VideoSource } from "../video/VideoDecoder.ts"
import type { Prompts } from "./prompts.ts"

/** Cut settings as the dataset writes them. */
export const cutRecord = (cut: CutSettings): CutRecord => ({
  mode: cut.mode,
  crf: cut.crf,
  preset: cut.preset,
  keep_audio: cut.keepAudio,
  seek_slop_sec: cut.seekSlopSec,
  ...(cut.autorotate === true ? { autorotate: cut.autorotate } : {}),
})

/** How frames are laid out in a sheet, as the dataset writes it. */
const gridRecord = ({ columns, rows, tilePx }: SheetLayout): NonNullable<RunSummary["verify_config"]> => ({
  columns,
  rows,
  tile_px: tilePx,
})

/** How borders are looked at again, as the dataset writes it. */
const borderRecord = ({
  input,
  precisionSec,
  sheet,
}: BorderSettings): NonNullable<RunSummary["border_config"]> => ({
  precision_sec: precisionSec,
  input,
  ...gridRecord(sheet),
})

const versions: Readonly<Record<string, string>> = {
  triptych: manifest.version,
  bun: Bun.version,
  effect: manifest.dependencies.effect,
  "node-av": manifest.optionalDependencies["node-av"],
  openai: manifest.dependencies.openai,
}

/** The part of `run_summary.json` that is known before the first stage: what is worked on, and with what. */
export const describeRun = Effect.fn("Run.describe")(function* (
  source: VideoSource,
  { fingerprint }: VideoIdentity,
  folder: VideoFolder,
  settings: RunSettings,
  prompts: Prompts,
) {
  const { config } = yield* VisionModel
  const { backend: cutter } = yield* ClipCutter
  const rehearsal = config.kind === "rehearsal"
  const sheet = settings.poolSheet ?? settings.stepSheet
  const seconds = (pts: number) => ptsSeconds(pts, source.timeBase)
  return {
    source_video: source.file,
    video_id: folder.videoId,
    output_root: folder.outputRoot,
    contract_version: contractVersion,
    schema_fingerprint: prompts.fingerprint,
    annotation_schema: settings.annotationSchema,
    schema_parts: prompts.parts,
    rehearsal,
    ...(rehearsal ? { rehearsal_note: rehearsalNote } : {}),
    source: {
      size_bytes: source.sizeBytes,
      content_fingerprint: fingerprint,
      container: source.container,
      codec: source.codec,
      coded_size: `${source.codedWidth}x${source.codedHeight}`,
      display_size: `${source.displayWidth}x${source.displayHeight}`,
      rotation_degrees: source.rotationDegrees,
      frames: source.framePts.length,
      time_base: `${source.timeBase.num}/${source.timeBase.den}`,
      start_sec: seconds(source.framePts[0] ?? 0),
      end_sec: seconds(source.endPts),
    },
    api_config: config,
    sampling_config: {
      max_frames: settings.maxFrames,
      jpeg_quality: settings.jpegQuality,
      sampling: settings.sampling,
      embed_index: settings.imageLabels !== "text",
      image_labels: settings.imageLabels,
      ...(sheet === undefined ? {} : { sheets: gridRecord(sheet) }),
    },
    ...(settings.borders === undefined ? {} : { border_config: borderRecord(settings.borders) }),
    ...(settings.samples === undefined ? {} : { samples: settings.samples }),
    ...(settings.verify === undefined ? {} : { verify_config: gridRecord(settings.verify.sheet) }),
    cut_config: cutRecord(settings.cut),
    decoder: source.backend,
    cutter,
    versions: { ...versions },
  } satisfies SummaryHeader
})
