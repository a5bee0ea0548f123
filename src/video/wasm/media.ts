import { fstatSync } from "node:fs"
import { ByFile } from "../by-file.ts"
import type { PacketPlace } from "../ffprobe/excerpt.ts"
import type { SecondsRange } from "../ffprobe/gop-packets.ts"
import {
  headerWanted,
  type MediaInfo,
  readMediaInfo,
  readPacketTimes,
  readPlaces,
  withHeader,
} from "../ffprobe/media-info.ts"
import type { PacketTimes } from "../untimed.ts"
import { headerArguments, infoArguments, placeArguments, startArguments } from "./arguments.ts"
import type { HostFile } from "./control.ts"
import type { CoreResult, CoreRun, Instance } from "./instance.ts"

/** A file that the core can read. */
export interface Media {
  /** Its real name, for messages. */
  readonly file: string
  /** Its name in the core. */
  readonly name: string
  readonly sizeBytes: number
  /** Open file descriptor. */
  readonly fd: number
  /** Runs a program that finds the file, or one made from it, under `/media`. */
  readonly run: (
    program: CoreRun["program"],
    args: ReadonlyArray<string>,
    onRecord: CoreRun["onRecord"],
    made?: HostFile,
  ) => Promise<CoreResult>
}

/** An open file of this machine. */
export interface OpenFile {
  readonly fd: number
  readonly sizeBytes: number
}

/** The end of a file's name that says what it holds, if there is one; libav goes by it where the content is ambiguous. */
const extensionOf = (file: string): string => /\.[A-Za-z0-9]{1,8}$/.exec(file)?.[0] ?? ""

/** Name under which the core sees a file. */
export const sourceName = (file: string): string => `source${extensionOf(file)}`

/** Lets an instance read a file, and write to others. */
export const openMedia = (
  instance: Instance,
  file: string,
  { fd, sizeBytes }: OpenFile,
  poll: () => void,
  written: ReadonlyArray<HostFile> = [],
): Media => {
  const name = sourceName(file)
  return {
    file,
    name,
    sizeBytes,
    fd,
    run: (program, args, onRecord, made) => {
      const files: ReadonlyArray<HostFile> = [made ?? { access: "read", name, fd, sizeBytes }, ...written]
      return instance.run({ program, args, files, poll, onRecord })
    },
  }
}

/** Collects what is written to one of the sink's files, as text. */
export const textOf = (name: string) => {
  const decoder = new TextDecoder()
  let text = ""
  return {
    /** Takes the record if it belongs to the file. */
    take: (record: { readonly name: string; readonly bytes: Uint8Array }) => {
      if (record.name.startsWith(`${name}.`)) text += decoder.decode(record.bytes, { stream: true })
    },
    /** The whole lines so far, each given once. */
    lines: (): ReadonlyArray<string> => {
      const lines = text.split("\n")
      text = lines.pop() ?? ""
      return lines
    },
    rest: () => text,
  }
}

/** What `ffprobe` prints. */
const ask = async (media: Media, args: ReadonlyArray<string>): Promise<string> => {
  const json = textOf("info")
  await media.run("ffprobe", args, json.take)
  return json.rest()
}

const askInfo = async (media: Media): Promise<MediaInfo> => {
  const info = readMediaInfo(media.file, await ask(media, infoArguments(media.name)))
  const index = headerWanted(info)
  return index === undefined ? info : withHeader(info, await ask(media, headerArguments(media.name, index)))
}

/** Streams and container of a file. */
export type InfoSource = (media: Media) => Promise<MediaInfo>

/** Files of which a thread remembers what they are: as many as a batch has under way, and more. */
const REMEMBERED_FILES = 64

/** Remembers what it found until the file changes: one file is asked about many times, between others. */
export const makeInfoSource = (): InfoSource => {
  const found = new ByFile<MediaInfo>(REMEMBERED_FILES)
  return async (media) => {
    const file = fstatSync(media.fd, { bigint: true })
    return found.get(file) ?? found.set(file, await askInfo(media))
  }
}

/** Times of a stream's first packets, in order of decoding. */
export const firstPackets = async (media: Media, streamIndex: number): Promise<ReadonlyArray<PacketTimes>> =>
  readPacketTimes(await ask(media, startArguments(media.name)), streamIndex)

/** Where a stream's packets in some ranges of time are, in order of decoding. */
export const packetPlaces = async (
  media: Media,
  streamIndex: number,
  ranges: ReadonlyArray<SecondsRange>,
): Promise<ReadonlyArray<PacketPlace>> =>
  readPlaces(await ask(media, placeArguments(media.name, ranges)), streamIndex)
