/** What is used of the Emscripten runtime of `@ffmpeg/core` 0.12.10. */

export interface FsNode {
  readonly name: string
  readonly mode: number
  size: number
  node_ops: NodeOps
  stream_ops: StreamOps
}

export interface FsStream {
  readonly node: FsNode
  position: number
}

export interface FsAttributes {
  readonly size?: number
}

export interface NodeOps {
  readonly getattr?: (node: FsNode) => unknown
  readonly setattr?: (node: FsNode, attributes: FsAttributes) => void
  readonly lookup?: (parent: FsNode, name: string) => FsNode
  readonly mknod?: (parent: FsNode, name: string, mode: number, device: number) => FsNode
  readonly readdir?: (node: FsNode) => ReadonlyArray<string>
  readonly unlink?: (parent: FsNode, name: string) => void
}

/**
 * Gives how many bytes it moved. `buffer` is the whole WebAssembly memory; `offset` where in it, `position` where in the file, both in
 * bytes.
 */
type Transfer = (
  stream: FsStream,
  buffer: Int8Array,
  offset: number,
  length: number,
  position: number,
) => number

export interface StreamOps {
  readonly read?: Transfer
  readonly write?: Transfer
  readonly llseek?: (stream: FsStream, offset: number, whence: number) => number
  readonly close?: (stream: FsStream) => void
}

export interface FsMount {
  readonly opts: unknown
}

export interface FileSystem {
  readonly mount: (mount: FsMount) => FsNode
}

export interface Fs {
  readonly filesystems: Record<string, FileSystem>
  readonly ErrnoError: new (errno: number) => Error
  readonly streams: ReadonlyArray<FsStream | null | undefined>
  readonly createNode: (parent: FsNode | null, name: string, mode: number, device: number) => FsNode
  readonly destroyNode: (node: FsNode) => void
  readonly close: (stream: FsStream) => void
  readonly mkdir: (path: string) => void
  readonly mount: (type: FileSystem, options: object, path: string) => void
}

type Log = (line: { readonly type: string; readonly message: string }) => void

/** The module object. The stock worker calls `exec`, `ffprobe` and `setLogger` on it. */
export interface Core {
  readonly asm: Record<string, unknown>
  readonly FS: Fs
  readonly HEAPU8: Uint8Array
  readonly DEFAULT_ARGS: ReadonlyArray<string>
  readonly DEFAULT_ARGS_FFPROBE: ReadonlyArray<string>
  readonly _malloc: (bytes: number) => number
  readonly _ffmpeg: (argc: number, argv: number) => number
  readonly _ffprobe: (argc: number, argv: number) => number
  /** Exit code of the last run; -1 before it ended by itself. */
  ret: number
  timeout: number
  logger: Log
  exec: (...args: ReadonlyArray<string>) => number
  ffprobe: (...args: ReadonlyArray<string>) => number
  setLogger: (log: Log) => void
}

/** Emscripten's numbers (those of WASI) for what can go wrong with a file. */
export const ENOENT = 44
export const EIO = 29
export const EINVAL = 28

export const FOLDER_MODE = 0o040777
export const FILE_MODE = 0o100666
