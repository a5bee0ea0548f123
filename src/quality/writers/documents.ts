/** Writes a file for each video: WebVTT, SubRip and ELAN. */

import { Either } from "effect"
import { markupText, xmlText } from "../../text/markup.ts"
import { clockText } from "../formats/time.ts"
import type { GoldVideo } from "../gold.ts"
import { type GoldWriter, millisecond, oneLine } from "./GoldWriter.ts"

/** Text of a WebVTT cue: on one line, without what would end the cue or begin a tag. */
const cueText = (label: string): string => markupText(oneLine(label))

const webVttText = ({ segments }: GoldVideo): string =>
  ["WEBVTT"]
    .concat(
      segments.map(({ startSec, endSec, label }, i) =>
        [i + 1, `${clockText(startSec)} --> ${clockText(endSec)}`, cueText(label)].join("\n"),
      ),
    )
    .join("\n\n")
    .concat("\n")

const subRipText = ({ segments }: GoldVideo): string =>
  segments
    .map(({ startSec, endSec, label }, i) =>
      [i + 1, `${clockText(startSec, ",")} --> ${clockText(endSec, ",")}`, oneLine(label), ""].join("\n"),
    )
    .join("\n")

/** One tier called `steps`. */
const elanText = ({ videoId, segments }: GoldVideo): string => {
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

const eachVideo = (name: string, extension: string, text: (video: GoldVideo) => string): GoldWriter => ({
  name,
  precisionSec: millisecond,
  namesFiles: true,
  write: (videos) =>
    Either.right(videos.map((video) => ({ path: `${video.videoId}${extension}`, text: text(video) }))),
})

/** WebVTT, a cue for each segment. */
export const webVttWriter = eachVideo("webvtt", ".vtt", webVttText)

/** SubRip, a cue for each segment. What looks like a tag in a label is lost when it is read: SubRip has no way to escape it. */
export const subRipWriter = eachVideo("srt", ".srt", subRipText)

/** ELAN documents with one tier. */
export const elanWriter = eachVideo("elan", ".eaf", elanText)
