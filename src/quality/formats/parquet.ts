/** Gold that people keep in Parquet: WGO-Bench and LeRobot's language columns. The files are read in `parquet.ts`. */
import { Either } from "effect"
import type { RawVideo } from "../gold.ts"
import { type ParquetContent, parquetContent } from "../parquet.ts"
import { type GoldDocument, type GoldFormat, invalid, jsonForm, parseEach } from "./GoldFormat.ts"

const parquetContentForm = jsonForm(parquetContent)

/** Whether the content of Parquet files is of one kind. */
const holds = (kind: "wgo" | "lerobot") => (documents: ReadonlyArray<GoldDocument>) =>
  documents.length > 0 &&
  documents.every((document) =>
    Either.match(parquetContentForm.read(document), {
      onLeft: () => false,
      onRight: (content) => kind in content,
    }),
  )

const parseContent = (
  kind: string,
  videosOf: (content: ParquetContent) => ReadonlyArray<RawVideo> | undefined,
) =>
  parseEach((document) =>
    Either.flatMap(parquetContentForm.read(document), (content) => {
      const videos = videosOf(content)
      return videos === undefined
        ? Either.left(invalid(document.path, `is not ${kind}`))
        : Either.right(videos)
    }),
  )

/** WGO-Bench's `annotations.parquet`. */
export const wgo: GoldFormat = {
  name: "wgo",
  title: "WGO-Bench (annotations.parquet)",
  unit: "seconds",
  extensions: [".parquet"],
  recognises: holds("wgo"),
  parse: parseContent("WGO-Bench", (content) =>
    "wgo" in content
      ? content.wgo.map(({ id, segments }) => ({
          videoId: id,
          segments: segments.map(({ start_sec, end_sec, subtask }) => ({
            start: start_sec,
            end: end_sec,
            label: subtask,
          })),
        }))
      : undefined,
  ),
}

const episodeName = (index: number): string => `episode_${String(index).padStart(6, "0")}`

/** LeRobot's persistent language rows: a subtask lasts until the next one, the last one to the end of its episode. */
export const lerobot: GoldFormat = {
  name: "lerobot",
  title: "LeRobot data files with language_persistent (*.parquet)",
  unit: "seconds",
  extensions: [".parquet"],
  recognises: holds("lerobot"),
  parse: parseContent("LeRobot's language columns", (content) =>
    "lerobot" in content
      ? content.lerobot.map(({ episode, endSec, said }) => {
          const subtasks = said
            .filter(({ style }) => style === "subtask")
            .toSorted((a, b) => a.timestamp - b.timestamp)
          return {
            videoId: episodeName(episode),
            durationSec: endSec,
            segments: subtasks.map(({ timestamp, content: label }, i) => ({
              start: timestamp,
              end: subtasks[i + 1]?.timestamp ?? endSec,
              label,
            })),
            // Subtasks reach to the end of their episode: where there is none, nobody has annotated.
            ...(subtasks.length === 0 ? { unusable: "nobody has annotated its subtasks" } : {}),
          }
        })
      : undefined,
  ),
}
