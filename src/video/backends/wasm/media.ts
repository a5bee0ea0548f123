import { infoArguments, type SecondsRange } from "./arguments.ts"
import type { CoreResult, CoreRun, Instance } from "./instance.ts"
import { type MediaInfo, readMediaInfo } from "./media-info.ts"
import type { FileView, HostFile } from "./steering.ts"

/** A file that the core can read. */
export interface Media {
  /** Its real name, for messages. */
  readonly file: string
  /** Its name in the core. */
  readonly name: string
  readonly sizeBytes: number
  /** Open file descriptor. */
  readonly fd: number
  readonly run: (
    program: CoreRun["program"],
    args: ReadonlyArray<string>,
    onRecord: CoreRun["onRecord"],
    view?: FileView,
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
    run: (program, args, onRecord, view) => {
      const files: ReadonlyArray<HostFile> = [{ access: "read", name, fd, sizeBytes, view }, ...written]
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

/** Streams and container of a file, and its packets in some ranges of time. */
export const mediaInfo = async (
  media: Media,
  ranges: ReadonlyArray<SecondsRange> = [],
): Promise<MediaInfo> => {
  const json = textOf("info")
  await media.run("ffprobe", infoArguments(media.name, ranges), json.take)
  return readMediaInfo(media.file, json.rest())
}
