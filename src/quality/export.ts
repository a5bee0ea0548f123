/** Writes segments in formats that can hold them, for annotation programs and other people's scorers. */

import { clockText } from "./formats/time.ts"
import type { GoldVideo } from "./gold.ts"

const rounded = (seconds: number): number => Math.round(seconds * 1e6) / 1e6

const csvCell = (text: string): string => (/[",\r\n]/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

const rows = (videos: ReadonlyArray<GoldVideo>) =>
  videos.flatMap(({ videoId, segments }) => segments.map((segment) => ({ videoId, ...segment })))

/** `video_id,start_sec,end_sec,label`, times to the microsecond. */
export const toCsv = (videos: ReadonlyArray<GoldVideo>): string =>
  ["video_id,start_sec,end_sec,label"]
    .concat(
      rows(videos).map(({ videoId, startSec, endSec, label }) =>
        [csvCell(videoId), rounded(startSec), rounded(endSec), csvCell(label)].join(","),
      ),
    )
    .join("\n")
    .concat("\n")

/** JSON lines of `{video_id, start_sec, end_sec, label, score?}`, times to the microsecond. */
export const toJsonLines = (videos: ReadonlyArray<GoldVideo>): string =>
  rows(videos)
    .map(({ videoId, startSec, endSec, label, score }) =>
      JSON.stringify({
        video_id: videoId,
        start_sec: rounded(startSec),
        end_sec: rounded(endSec),
        label,
        ...(score === undefined ? {} : { score }),
      }),
    )
    .map((line) => `${line}\n`)
    .join("")

/** ActivityNet's detection gold, times to the microsecond. Without a known length a video ends with its last segment. */
export const toActivityNet = (videos: ReadonlyArray<GoldVideo>): string =>
  `${JSON.stringify({
    version: "triptych",
    taxonomy: [],
    database: Object.fromEntries(
      videos.map(({ videoId, durationSec, segments }) => [
        videoId,
        {
          subset: "validation",
          duration: durationSec ?? Math.max(0, ...segments.map(({ endSec }) => endSec)),
          annotations: segments.map(({ startSec, endSec, label }) => ({
            label,
            segment: [rounded(startSec), rounded(endSec)],
          })),
        },
      ]),
    ),
  })}\n`

const oneLine = (text: string): string => text.replace(/\s+/gu, " ").trim()

/** Text of a WebVTT cue: on one line, without what would end the cue or begin a tag. */
const cueText = (label: string): string =>
  oneLine(label).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

/** WebVTT of one video, times to the millisecond. */
export const toWebVtt = ({ segments }: GoldVideo): string =>
  ["WEBVTT"]
    .concat(
      segments.map(({ startSec, endSec, label }, i) =>
        [i + 1, `${clockText(startSec)} --> ${clockText(endSec)}`, cueText(label)].join("\n"),
      ),
    )
    .join("\n\n")
    .concat("\n")

/** SubRip of one video, times to the millisecond. */
export const toSubRip = ({ segments }: GoldVideo): string =>
  segments
    .map(({ startSec, endSec, label }, i) =>
      [i + 1, `${clockText(startSec, ",")} --> ${clockText(endSec, ",")}`, oneLine(label), ""].join("\n"),
    )
    .join("\n")

/** Text in XML, without the control characters that XML has no place for. */
const xmlText = (text: string): string =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
    .replace(/[\u0000-\u0008\u000B\u000C\u000E-\u001F]/gu, "")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")

/** An ELAN document of one video with one tier, times to the millisecond. */
export const toElan = ({ videoId, segments }: GoldVideo): string => {
  const slots = segments.flatMap(({ startSec, endSec }) => [startSec, endSec])
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<ANNOTATION_DOCUMENT AUTHOR="" DATE="1970-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0">',
    '  <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">',
    `    <PROPERTY NAME="video">${xmlText(videoId)}</PROPERTY>`,
    "  </HEADER>",
    "  <TIME_ORDER>",
    ...slots.map(
      (time, i) => `    <TIME_SLOT TIME_SLOT_ID="ts${i + 1}" TIME_VALUE="${Math.round(time * 1000)}"/>`,
    ),
    "  </TIME_ORDER>",
    '  <TIER LINGUISTIC_TYPE_REF="default-lt" TIER_ID="steps">',
    ...segments.map(
      ({ label }, i) =>
        `    <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a${i + 1}" TIME_SLOT_REF1="ts${2 * i + 1}" TIME_SLOT_REF2="ts${2 * i + 2}"><ANNOTATION_VALUE>${xmlText(label)}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>`,
    ),
    "  </TIER>",
    '  <LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="default-lt" TIME_ALIGNABLE="true"/>',
    "</ANNOTATION_DOCUMENT>",
    "",
  ].join("\n")
}
