import { markerFor } from "../ffprobe/packet-marks.ts"
import { CREDITS, HEARTBEAT, type SinkRecord, STOP } from "./control.ts"
import { type Core, EIO, ENOENT, FILE_MODE, type FileSystem, FOLDER_MODE, type FsNode } from "./emscripten.ts"
import { attributesOf, seekIn } from "./host-files.ts"

/**
 * After so many writes garbage is collected, some 20 MB: left alone, a thread that never gets out of WebAssembly hardly ever
 * does so.
 */
const WRITES_PER_COLLECTION = 50_000
/** Upper bound of one wait for credits, in milliseconds. */
const CREDIT_WAIT_MS = 50

/** Where the core writes what it finds out, and what closes it after a run. */
export interface Sink {
  readonly fileSystem: FileSystem
  /** Sends what is left in files that were not closed. */
  readonly flush: () => void
}

/** Bytes of one record by the file's name: `frames.3686400`; 0 for `times.0`, of which every write is one record. */
const recordBytesOf = (name: string): number => Number(name.split(".").at(-1) ?? 0)

/**
 * A file system that keeps nothing: what is written is sent away, in records, as soon as the receiver has room. The name
 * of a file, `<name>.<bytes>`, says how long its records are.
 */
export const makeSink = (core: Core, control: Int32Array, send: (record: SinkRecord) => void): Sink => {
  const { FS } = core
  const open = new Set<() => void>()
  let writes = 0

  const sendWhenThereIsRoom = (record: SinkRecord): void => {
    for (;;) {
      Atomics.add(control, HEARTBEAT, 1)
      if (Atomics.load(control, STOP) !== 0) throw new FS.ErrnoError(EIO)
      if (Atomics.load(control, CREDITS) > 0) break
      Atomics.wait(control, CREDITS, 0, CREDIT_WAIT_MS)
    }
    Atomics.sub(control, CREDITS, 1)
    send(record)
  }

  const createFile = (root: FsNode, name: string): FsNode => {
    const node = FS.createNode(root, name, FILE_MODE, 0)
    const recordBytes = recordBytesOf(name)
    const mark = markerFor(name)
    let record: Uint8Array<ArrayBuffer> | undefined
    let filled = 0
    const flush = () => {
      open.delete(flush)
      const rest = filled === recordBytes ? record : record?.slice(0, filled)
      record = undefined
      filled = 0
      if (rest !== undefined && rest.length > 0) sendWhenThereIsRoom({ name, bytes: rest })
    }
    const append = (bytes: Uint8Array): void => {
      open.add(flush)
      for (let at = 0; at < bytes.length; ) {
        record ??= new Uint8Array(recordBytes)
        const count = Math.min(recordBytes - filled, bytes.length - at)
        record.set(bytes.subarray(at, at + count), filled)
        at += count
        filled += count
        if (filled === recordBytes) flush()
      }
    }
    node.node_ops = { getattr: () => attributesOf(node, 0), setattr: () => {} }
    node.stream_ops = {
      llseek: seekIn(core, () => 0),
      write: (_, buffer, offset, length) => {
        if (++writes % WRITES_PER_COLLECTION === 0) Bun.gc(true)
        const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset + offset, length)
        if (mark !== undefined) append(Uint8Array.of(mark(bytes)))
        else if (recordBytes > 0) append(bytes)
        else if (length > 0) sendWhenThereIsRoom({ name, bytes: Uint8Array.from(bytes) })
        return length
      },
      close: () => {
        FS.destroyNode(node)
        flush()
      },
    }
    return node
  }

  const mount: FileSystem["mount"] = () => {
    const root = FS.createNode(null, "/", FOLDER_MODE, 0)
    root.node_ops = {
      getattr: () => attributesOf(root, 0),
      // A file lives as long as its stream.
      lookup: () => {
        throw new FS.ErrnoError(ENOENT)
      },
      mknod: createFile,
      readdir: () => [".", ".."],
    }
    root.stream_ops = {}
    return root
  }
  const flush = () => {
    for (const flushFile of [...open]) flushFile()
  }
  return { fileSystem: { mount }, flush }
}
