import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Json } from "./replies.ts"

const readJson = (path: string): Json => JSON.parse(readFileSync(path, "utf8"))
const writeJson = (path: string, json: unknown): void => writeFileSync(path, JSON.stringify(json, null, 2))
const pick = (json: Json, ...keys: ReadonlyArray<string>): Json =>
  Object.fromEntries(keys.map((key) => [key, json[key]]))

const asOriginalManifest = (path: string): void => {
  const { num_frames, frames } = readJson(path)
  const keys = ["frame_index_1based", "timestamp_sec", "original_frame_index", "image_relpath"]
  const entries = (frames as ReadonlyArray<Json>).map((frame) => pick(frame, ...keys))
  writeJson(path, { num_frames, note: "1-based indices", frames: entries })
}

const asOriginalSegments = (path: string): void => {
  const record = readJson(path)
  const segments = (record.segments as ReadonlyArray<Json>).map((segment) => ({
    ...pick(segment, "step_id", "step_goal", "start_frame_index", "end_frame_index", "start_sec", "end_sec"),
    start_image_relpath: String(segment.start_image_relpath).replace("../stage1/", ""),
    end_image_relpath: String(segment.end_image_relpath).replace("../stage1/", ""),
    clip_relpath: segment.clip_relpath,
  }))
  const cut = {
    mode: "reencode",
    seek_slop_sec: 1,
    crf: 18,
    preset: "veryfast",
    keep_audio: false,
    ffmpeg_bin: "ffmpeg",
  }
  writeJson(path, {
    ...pick(record, "source_video", "video_id", "generated_at_utc", "num_frames"),
    cut,
    segments,
  })
}

const asOriginalMeta = (path: string): void => {
  const { keyframes: _, ...meta } = readJson(path)
  writeJson(path, meta)
}

const apiConfig = {
  api_base_url: "http://127.0.0.1/v1",
  model_provider_id: "vertex_ai",
  model_name: "some-vlm",
  max_tokens: 30000,
  temperature: 0.2,
  api_call_retries: 3,
  api_call_retry_backoff_sec: 1,
}

/** Rewrites a finished folder of ours into the form in which the original implementation leaves its folders. */
export const makeOriginal = (out: string): void => {
  const { max_frames } = readJson(join(out, "run_summary.json")).sampling_config as Json
  const { source_video, video_id, output_root } = readJson(join(out, "run_summary.json"))
  for (const name of readdirSync(out, { recursive: true, encoding: "utf8" })) {
    const path = join(out, name)
    if (name.endsWith(".call.json")) rmSync(path)
    if (name.endsWith("frame_manifest.json")) asOriginalManifest(path)
    if (name.endsWith("step_segments.json")) asOriginalSegments(path)
    if (name.endsWith("step_meta.json")) asOriginalMeta(path)
    if (name.endsWith("_prompt.txt")) writeFileSync(path, "A prompt of the original.")
  }
  writeJson(join(out, "run_summary.json"), {
    source_video,
    video_id,
    output_root,
    schema_fingerprint: `sha256:${"ab".repeat(32)}`,
    updated_at_utc: "2026-01-12T09:30:00.123456Z",
    api_config: apiConfig,
    sampling_config: { max_frames, resize_dimension: null, jpeg_quality: 95 },
    stage1: { status: "completed", attempts: 1, manifest_path: "stage1/frame_manifest.json", warnings: [] },
    stage2: { status: "completed", segments_path: "stage2/step_segments.json", api_config: apiConfig },
    stage3: {
      status: "completed",
      final_plan_path: "causal_plan_with_keyframes.json",
      api_config: apiConfig,
    },
  })
}
