import { closeSync, openSync, statSync } from "node:fs"
import { readSampleTables } from "../bitstream/isobmff/sample-table.ts"
import { bytesKept } from "../bitstream/matroska/kept-bytes.ts"
import { largestChunkBefore } from "../bitstream/riff/avi-index.ts"
import { ByFile } from "./by-file.ts"

/**
 * Bytes of a codec's header at most. Those of real streams have some hundred, of Theora and FLAC some thousand; libav copies it
 * into each of its contexts, and programs print it.
 */
const MOST_CODEC_HEADER_BYTES = 2 ** 20

/** Bytes of attachments at most, such as fonts: each of several demuxers at once holds them two to three times. */
const MOST_ATTACHED_BYTES = 2 ** 25

/** Bytes of a Matroska file's index at most: a day of video with an entry for every second has two million. */
const MOST_CUES_BYTES = 2 ** 24

/** Bytes of tags at most, pictures of covers included: each of several demuxers at once holds them two to four times. */
const MOST_TAG_BYTES = 2 ** 25

/** Bytes of a chunk in front of an AVI's pictures at most. Real ones are some thousand long; this is searched in a second. */
const MOST_SEARCHED_BYTES = 2 ** 24

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`

/** Why a stream with a codec header of so many bytes is not decoded: part of a sentence; `undefined` if it is. */
export const codecHeaderProblem = (sizeBytes: number): string | undefined =>
  sizeBytes > MOST_CODEC_HEADER_BYTES
    ? `the header of a codec in it takes ${(sizeBytes / 1e6).toFixed(1)} MB, and no real one takes more than ${MOST_CODEC_HEADER_BYTES / 2 ** 20} MiB; it is damaged, or meant to do harm; write it again from its source`
    : undefined

const problemIn = (fd: number, fileBytes: number): string | undefined => {
  const { largestDescription, promiseTooMuch, tagBytes } = readSampleTables(fd, fileBytes)
  if (promiseTooMuch) return "its header promises more frames than the file has room for"
  const { codecPrivate, attachments, cues, tags } = bytesKept(fd, fileBytes)
  if (attachments > MOST_ATTACHED_BYTES)
    return `its attachments take ${megabytes(attachments)}, more than ${MOST_ATTACHED_BYTES / 2 ** 20} MiB, and would be kept in memory many times; leave them out, as with ffmpeg -i FILE -map 0 -map -0:t -c copy FILE.mkv`
  if (cues > MOST_CUES_BYTES)
    return `its index takes ${megabytes(cues)}, more than ${MOST_CUES_BYTES / 2 ** 20} MiB, and would be kept in memory many times; write it anew, as with ffmpeg -i FILE -c copy FILE.mkv`
  if (tagBytes + tags > MOST_TAG_BYTES)
    return `its tags, such as its title, take ${megabytes(tagBytes + tags)}, more than ${MOST_TAG_BYTES / 2 ** 20} MiB, and would be kept in memory many times; leave them out, as with ffmpeg -i FILE -map 0:v -map 0:a? -map_metadata -1 -map_chapters -1 -c copy FILE.mkv`
  const before = largestChunkBefore(fd)
  if (before !== undefined && before.sizeBytes > MOST_SEARCHED_BYTES)
    return `a chunk ${JSON.stringify(before.id)} of ${megabytes(before.sizeBytes)} lies before its frames, which would be looked for byte by byte; leave it out, as with ffmpeg -i FILE -c copy FILE.mkv`
  return codecHeaderProblem(Math.max(largestDescription, codecPrivate))
}

/** What is said of a file that is no video for this reason. */
export const unreadable = (file: string, why: string): string =>
  `${file} is not a video that can be read: ${why}`

/** Files of which a thread remembers whether they may be opened: each is opened many times. */
const REMEMBERED_FILES = 256

const remembered = new ByFile<{ readonly problem: string | undefined }>(REMEMBERED_FILES)

const look = (file: string, fileBytes: number): string | undefined => {
  const fd = openSync(file, "r")
  try {
    return problemIn(fd, fileBytes)
  } finally {
    closeSync(fd)
  }
}

/**
 * Why a file is not given to a demuxer, which would take all memory for its header: a sentence; `undefined` if it may be. It is
 * looked into once, until it changes. Throws what `node:fs` throws.
 *
 * @param file a plain file
 */
export const headerProblem = (file: string): string | undefined => {
  const stat = statSync(file, { bigint: true })
  const found = remembered.get(stat) ?? remembered.set(stat, { problem: look(file, Number(stat.size)) })
  return found.problem === undefined ? undefined : unreadable(file, found.problem)
}
