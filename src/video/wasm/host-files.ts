import { closeSync, ftruncateSync, openSync, readSync, statSync, writeSync } from "node:fs"
import * as v from "valibot"
import { readComposed } from "../ffprobe/excerpt.ts"
import { HEARTBEAT, type HostFile, MountOptions, STOP } from "./control.ts"
import {
  type Core,
  EINVAL,
  EIO,
  ENOENT,
  FILE_MODE,
  type FileSystem,
  FOLDER_MODE,
  type FsNode,
  type FsStream,
  type StreamOps,
} from "./emscripten.ts"

/** Seeks as `lseek` does: from the start, from here, from the end. */
export const seekIn = (core: Core, sizeOf: (node: FsNode) => number) => {
  return (stream: FsStream, offset: number, whence: number): number => {
    const base = whence === 1 ? stream.position : whence === 2 ? sizeOf(stream.node) : 0
    if (base + offset < 0) throw new core.FS.ErrnoError(EINVAL)
    return base + offset
  }
}

/** What `stat` says of a node. */
export const attributesOf = (node: FsNode, size: number) => {
  const time = new Date(0)
  return {
    dev: 1,
    ino: 1,
    mode: node.mode,
    nlink: 1,
    uid: 0,
    gid: 0,
    rdev: 0,
    size,
    atime: time,
    mtime: time,
    ctime: time,
    blksize: 4096,
    blocks: Math.ceil(size / 4096),
  }
}

/** Opens a file for as long as one operation takes: a thread that is ended in the midst of work leaves none open. */
const withOpen = <A>(path: string, use: (fd: number) => A): A => {
  const fd = openSync(path, "r+")
  try {
    return use(fd)
  } finally {
    closeSync(fd)
  }
}

/**
 * A file system of files of this machine, read in slices straight into the WebAssembly memory. Their names in it are our
 * own, so that any real name will do. Once the request is cancelled, reading and writing fail.
 */
export const hostFiles = (core: Core, control: Int32Array): FileSystem => {
  const { FS } = core
  /** Fails with an input-output error, which is all that libav tells apart. */
  const attempt = <A>(use: () => A): A => {
    Atomics.add(control, HEARTBEAT, 1)
    if (Atomics.load(control, STOP) !== 0) throw new FS.ErrnoError(EIO)
    try {
      return use()
    } catch (cause) {
      throw Object.assign(new FS.ErrnoError(EIO), { cause })
    }
  }
  const sizeOf = (file: HostFile): number =>
    file.access === "write" ? attempt(() => statSync(file.path).size) : file.sizeBytes

  const operations = (file: HostFile): StreamOps => ({
    llseek: seekIn(core, () => sizeOf(file)),
    read: (_, buffer, offset, length, position) =>
      attempt(() => {
        if (file.access === "write")
          return withOpen(file.path, (fd) => readSync(fd, buffer, offset, length, position))
        return file.access === "read"
          ? readSync(file.fd, buffer, offset, length, position)
          : readComposed(file, file.fd, buffer, offset, length, position)
      }),
    write: (_, buffer, offset, length, position) =>
      attempt(() => {
        if (file.access !== "write") throw new Error("it is only for reading")
        return withOpen(file.path, (fd) => writeSync(fd, buffer, offset, length, position))
      }),
  })

  const mount: FileSystem["mount"] = ({ opts }) => {
    const { hostFiles: files } = v.parse(MountOptions, opts)
    const root = FS.createNode(null, "/", FOLDER_MODE, 0)
    const nodes = new Map(
      files.map((file) => {
        const node = FS.createNode(root, file.name, FILE_MODE, 0)
        node.node_ops = {
          getattr: () => attributesOf(node, sizeOf(file)),
          setattr: (_, { size }) => {
            if (size === undefined || file.access !== "write") return
            attempt(() => withOpen(file.path, (fd) => ftruncateSync(fd, size)))
          },
        }
        node.stream_ops = operations(file)
        return [file.name, node]
      }),
    )
    root.node_ops = {
      getattr: () => attributesOf(root, 0),
      lookup: (_, name) => {
        const node = nodes.get(name)
        if (node === undefined) throw new FS.ErrnoError(ENOENT)
        return node
      },
      readdir: () => [".", "..", ...nodes.keys()],
    }
    root.stream_ops = {}
    return root
  }
  return { mount }
}
