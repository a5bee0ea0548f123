import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from "hyparquet"
import { compressors } from "hyparquet-compressors"
import * as v from "valibot"
import { finite } from "./formats/GoldFormat.ts"

/** What is taken out of a Parquet file: the few columns that hold steps, never pictures or videos. */
export const parquetContent = v.union([
  v.strictObject({
    wgo: v.array(
      v.object({
        id: v.string(),
        segments: v.array(v.object({ start_sec: finite, end_sec: finite, subtask: v.string() })),
      }),
    ),
  }),
  v.strictObject({
    lerobot: v.array(
      v.object({
        episode: v.number(),
        /** Seconds: one frame after the last one's time. */
        endSec: finite,
        said: v.array(v.object({ content: v.string(), style: v.string(), timestamp: finite })),
      }),
    ),
  }),
])
export type ParquetContent = v.InferOutput<typeof parquetContent>

type Source = Awaited<ReturnType<typeof open>>

const open = async (path: string) => {
  const file = await asyncBufferFromFile(path)
  const metadata = await parquetMetadataAsync(file)
  const columns = new Set(parquetSchema(metadata).children.map(({ element }) => element.name))
  return { file, metadata, columns }
}

/** Rows of some columns, one row group in memory at a time. */
async function* rowsOf(
  { file, metadata }: Source,
  columns: Array<string>,
): AsyncGenerator<Record<string, unknown>> {
  let rowStart = 0
  for (const { num_rows } of metadata.row_groups) {
    const rowEnd = rowStart + Number(num_rows)
    yield* await parquetReadObjects({ file, metadata, compressors, columns, rowStart, rowEnd })
    rowStart = rowEnd
  }
}

const frameRow = v.object({
  episode_index: v.pipe(
    v.union([v.bigint(), v.number()]),
    v.transform((index) => Number(index)),
  ),
  timestamp: finite,
  /** An episode of which nothing is said may have null. */
  language_persistent: v.nullish(
    v.array(
      v.object({
        content: v.nullish(v.string(), ""),
        style: v.nullish(v.string(), ""),
        timestamp: v.nullish(finite, 0),
      }),
    ),
    [],
  ),
})

interface Episode {
  readonly said: v.InferOutput<typeof frameRow>["language_persistent"]
  readonly firstSec: number
  lastSec: number
  frames: number
}

/** Every frame repeats what is said of its episode; it is taken from the first. */
const lerobotContent = async (source: Source): Promise<ParquetContent> => {
  const episodes = new Map<number, Episode>()
  for await (const row of rowsOf(source, ["episode_index", "timestamp", "language_persistent"])) {
    const { episode_index, timestamp, language_persistent: said } = v.parse(frameRow, row)
    const episode = episodes.get(episode_index)
    if (episode === undefined) {
      episodes.set(episode_index, { said, firstSec: timestamp, lastSec: timestamp, frames: 1 })
    } else {
      episode.lastSec = Math.max(episode.lastSec, timestamp)
      episode.frames++
    }
  }
  return {
    lerobot: [...episodes].map(([episode, { said, firstSec, lastSec, frames }]) => ({
      episode,
      // Of single precision, so that more digits would say nothing.
      endSec: Math.round((lastSec + (frames > 1 ? (lastSec - firstSec) / (frames - 1) : 0)) * 1e6) / 1e6,
      said,
    })),
  }
}

const wgoContent = async (source: Source): Promise<unknown> => {
  const wgo: Array<unknown> = []
  for await (const row of rowsOf(source, ["id", "segments"])) wgo.push(row)
  return { wgo }
}

/** Reads the steps in a Parquet file. Rejects with a sentence if it holds none, or is no Parquet file. */
export const readParquet = async (path: string): Promise<ParquetContent> => {
  const source = await open(path)
  const has = (...names: ReadonlyArray<string>) => names.every((name) => source.columns.has(name))
  if (has("id", "segments")) return v.parse(parquetContent, await wgoContent(source))
  if (has("episode_index", "timestamp", "language_persistent")) return lerobotContent(source)
  throw new Error(
    `its columns are ${[...source.columns].join(", ")}; WGO-Bench has id and segments, LeRobot episode_index, timestamp and language_persistent`,
  )
}

const bytes = v.instance(Uint8Array)
const videoRow = v.object({
  id: v.string(),
  /** The file's bytes, or what Hugging Face writes for a video: bytes, or where the file is. */
  video: v.union([bytes, v.object({ bytes: v.nullish(bytes), path: v.nullish(v.string()) })]),
})

/** A video that stands in a Parquet file beside its steps: its bytes, or the path of its file relative to the Parquet file. */
export type HeldVideo = { readonly id: string } & ({ readonly bytes: Uint8Array } | { readonly path: string })

/** Whether a Parquet file holds videos, or says where they are. */
export const holdsVideos = async (path: string): Promise<boolean> => {
  const { columns } = await open(path)
  return columns.has("id") && columns.has("video")
}

/**
 * The videos of some ids that a Parquet file holds. Only row groups with one of them are read, and one of those is in memory at a
 * time. A video without content is left out.
 */
export async function* heldVideos(path: string, ids: ReadonlySet<string>): AsyncGenerator<HeldVideo> {
  const { file, metadata } = await open(path)
  let rowStart = 0
  for (const { num_rows } of metadata.row_groups) {
    const rowEnd = rowStart + Number(num_rows)
    const read = (columns: Array<string>) =>
      parquetReadObjects({ file, metadata, compressors, columns, rowStart, rowEnd, utf8: false })
    const named = v.parse(v.array(v.object({ id: v.string() })), await read(["id"]))
    if (named.some(({ id }) => ids.has(id)))
      for (const row of await read(["id", "video"])) {
        const { id, video } = v.parse(videoRow, row)
        const held = video instanceof Uint8Array ? { bytes: video, path: undefined } : video
        if (!ids.has(id)) continue
        if (held.bytes !== undefined && held.bytes !== null) yield { id, bytes: held.bytes }
        else if (held.path !== undefined && held.path !== null) yield { id, path: held.path }
      }
    rowStart = rowEnd
  }
}
