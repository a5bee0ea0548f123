/** Subtitles whose cues are steps: WebVTT and SubRip. */
import { Either } from "effect"
import type { GoldError, RawSegment, RawVideo } from "../gold.ts"
import { type GoldDocument, type GoldFormat, parseEach, stem } from "./GoldFormat.ts"
import { clockSeconds } from "./time.ts"

const timing = /^(\S+)\s+-->\s+(\S+)(?:\s.*)?$/u

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", nbsp: " ", lrm: "", rlm: "" }

/** The text of a cue without its tags and entities, on one line. */
const plainText = (lines: ReadonlyArray<string>): string =>
  lines
    .join(" ")
    .replace(/<[^>]*>/gu, "")
    .replace(/&(\w+);/gu, (whole, name: string) => entities[name] ?? whole)
    .trim()

/** Cues are blocks of lines between empty ones; notes, styles and regions have no timing line and are passed over. */
const cuesOf = ({ path, text }: GoldDocument): Either.Either<ReadonlyArray<RawSegment>, GoldError> => {
  const blocks = text.replace(/^\uFEFF/u, "").split(/\r?\n(?:[ \t]*\r?\n)+/u)
  return Either.all(
    blocks.flatMap((block) => {
      const lines = block.split(/\r?\n/u)
      const at = lines.findIndex((line) => timing.test(line))
      const [, from = "", to = ""] = timing.exec(lines[at] ?? "") ?? []
      if (at === -1) return []
      const time = (value: string) => clockSeconds(path, "a cue's time", value)
      return [
        Either.map(Either.all({ start: time(from), end: time(to) }), (times) => ({
          ...times,
          label: plainText(lines.slice(at + 1)),
        })),
      ]
    }),
  )
}

const parse = parseEach((document) =>
  Either.map(
    cuesOf(document),
    (segments): ReadonlyArray<RawVideo> => [{ videoId: stem(document.path), segments }],
  ),
)

/** WebVTT: a cue is a step, the file is called like its video. */
export const webVtt: GoldFormat = {
  name: "webvtt",
  title: "WebVTT, a cue for each step",
  unit: "seconds",
  extensions: [".vtt"],
  recognises: (documents) =>
    documents.length > 0 && documents.every(({ text }) => /^\uFEFF?WEBVTT(?:[ \t\r\n]|$)/u.test(text)),
  parse,
}

/** SubRip: a cue is a step, the file is called like its video. */
export const subRip: GoldFormat = {
  name: "srt",
  title: "SubRip, a cue for each step",
  unit: "seconds",
  extensions: [".srt"],
  recognises: (documents) =>
    documents.length > 0 &&
    // A video without steps has an empty file.
    documents.every(({ path, text }) => path.endsWith(".srt") && (/ --> /u.test(text) || text.trim() === "")),
  parse,
}
