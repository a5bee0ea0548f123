/** Writes tables: plain CSV and JSON lines, EPIC-KITCHENS' CSV, and CrossTask's folder of them. */

import { Either } from "effect"
import { clockText } from "../formats/time.ts"
import type { GoldVideo } from "../gold.ts"
import { csvCell, type GoldFile, type GoldWriter, microsecond, rounded, unwritable } from "./GoldWriter.ts"

const rowsOf = (videos: ReadonlyArray<GoldVideo>) =>
  videos.flatMap(({ videoId, segments }) => segments.map((segment, at) => ({ videoId, at, ...segment })))

const tableOf = (
  columns: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string | number>>,
): string =>
  [columns, ...rows].map((cells) => `${cells.map((cell) => csvCell(String(cell))).join(",")}\n`).join("")

/** `video_id,start_sec,end_sec,label`, and `score` where a segment has one. */
export const csvWriter: GoldWriter = {
  name: "csv",
  precisionSec: microsecond,
  write: (videos) => {
    const rows = rowsOf(videos)
    const isScored = rows.some(({ score }) => score !== undefined)
    const columns = ["video_id", "start_sec", "end_sec", "label", ...(isScored ? ["score"] : [])]
    const cells = rows.map(({ videoId, startSec, endSec, label, score }) => [
      videoId,
      rounded(startSec),
      rounded(endSec),
      label,
      ...(isScored ? [score ?? ""] : []),
    ])
    return Either.right([{ path: "gold.csv", text: tableOf(columns, cells) }])
  },
}

/** JSON lines of `{video_id, start_sec, end_sec, label, score?}`. */
export const jsonLinesWriter: GoldWriter = {
  name: "jsonl",
  precisionSec: microsecond,
  write: (videos) => {
    const lines = rowsOf(videos).map(({ videoId, startSec, endSec, label, score }) => {
      const scored = score === undefined ? {} : { score }
      const times = { start_sec: rounded(startSec), end_sec: rounded(endSec) }
      return `${JSON.stringify({ video_id: videoId, ...times, label, ...scored })}\n`
    })
    return Either.right([{ path: "gold.jsonl", text: lines.join("") }])
  },
}

const epicColumns = [
  "narration_id",
  "participant_id",
  "video_id",
  "narration_timestamp",
  "start_timestamp",
  "stop_timestamp",
  "start_frame",
  "stop_frame",
  "narration",
  "verb",
  "verb_class",
  "noun",
  "noun_class",
  "all_nouns",
  "all_noun_classes",
]

/** EPIC-KITCHENS-100's narrations. Frames and classes, which the gold does not know, are empty cells. */
export const epicKitchensWriter: GoldWriter = {
  name: "epic-kitchens",
  precisionSec: 0.01,
  write: (videos) => {
    // Hundredths, as the published files have them.
    const time = (seconds: number) => clockText(Math.round(seconds * 100) / 100).slice(0, -1)
    const rows = rowsOf(videos).map(({ videoId, at, startSec, endSec, label, attributes }) => [
      `${videoId}_${at}`,
      videoId.split("_")[0] ?? "",
      videoId,
      time(startSec),
      time(startSec),
      time(endSec),
      "",
      "",
      label,
      attributes?.verb ?? "",
      "",
      attributes?.noun ?? "",
      "",
      "",
      "",
    ])
    return Either.right([{ path: "EPIC_100.csv", text: tableOf(epicColumns, rows) }])
  },
}

/** Ids of videos and tasks, as CrossTask's file names have them. */
const crossTaskVideo = /^[\w-]{11}$/u
const taskId = /^\d+$/u

const crossTaskProblem = ({ videoId, segments }: GoldVideo) => {
  if (!crossTaskVideo.test(videoId))
    return unwritable(videoId, "CrossTask names videos by the 11 characters of a YouTube id")
  const split = segments.find(({ label }) => /[,\r\n]/u.test(label))
  return split === undefined
    ? undefined
    : unwritable(
        videoId,
        `CrossTask separates steps by commas, and one is called ${JSON.stringify(split.label)}`,
      )
}

/** CrossTask's folder. Videos whose task is not known are of task 1, whose steps are all labels there are. */
export const crossTaskWriter: GoldWriter = {
  name: "crosstask",
  precisionSec: microsecond,
  write: (videos) => {
    const problem = videos.map(crossTaskProblem).find((found) => found !== undefined)
    if (problem !== undefined) return Either.left(problem)
    const tasks = Map.groupBy(videos, ({ segments }) => {
      const id = segments[0]?.attributes?.task ?? ""
      return taskId.test(id) ? id : "1"
    })
    const blocks: Array<string> = []
    const files: Array<GoldFile> = []
    for (const [task, own] of tasks) {
      const steps = [...new Set(own.flatMap(({ segments }) => segments.map(({ label }) => label)))]
      // An address may be empty, but some readers take an empty line for the end of a task.
      blocks.push([task, `Task ${task}`, "about:blank", steps.length, steps.join(","), "", ""].join("\n"))
      for (const { videoId, segments } of own) {
        const rows = segments.map(({ startSec, endSec, label }) => [
          steps.indexOf(label) + 1,
          rounded(startSec),
          rounded(endSec),
        ])
        files.push({
          path: `annotations/${task}_${videoId}.csv`,
          text: rows.map((row) => `${row.join(",")}\n`).join(""),
        })
      }
    }
    return Either.right([{ path: "tasks_primary.txt", text: blocks.join("") }, ...files])
  },
}
