import { type FileHandle, open } from "node:fs/promises"
import { basename, join } from "node:path"
import { makeFolder, syncFolder } from "../../files/whole.ts"
import type { LazyBody } from "../protocols/lazy-body.ts"
import type { LineFormat } from "./lines.ts"
import {
  type BatchedRequest,
  type BatchState,
  batchFile,
  newBatchName,
  removeBatch,
  writeRequests,
  writeState,
} from "./record.ts"

/** What a service takes as one file. */
export interface FileLimits {
  readonly maxBytes: number
  readonly maxRequests: number
}

/** A request, and what is sent. */
export interface WholeRequest {
  readonly request: BatchedRequest
  readonly body: LazyBody
}

/** What all requests of a file have in common. */
export type Head = Pick<BatchState, "service" | "model" | "url">

const newline = Buffer.from("}\n")

/** What stands before the body in a line. */
const lineStart = (customId: string, batch: string, url: string, format: LineFormat): Buffer =>
  Buffer.from(format.start(format.idIn(customId, batch), url))

/** Bytes that a request takes in the file of any batch. */
export const lineBytes = ({ request, body }: WholeRequest, { url }: Head, format: LineFormat): number =>
  lineStart(request.custom_id, newBatchName(new Date()), url, format).length + body.length + newline.length

/** Writes all of a piece: where little room is left, a disk takes a part of it at first. */
const writeAt = async (handle: FileHandle, piece: Uint8Array, position: number): Promise<void> => {
  for (let written = 0; written < piece.length; ) {
    const { bytesWritten } = await handle.write(piece, written, piece.length - written, position + written)
    if (bytesWritten === 0) throw Object.assign(new Error("no room is left"), { code: "ENOSPC" })
    written += bytesWritten
  }
}

/** A file of requests in the making, in a new folder below `root`. */
export class InputFile {
  readonly #handle: FileHandle
  #isOpen = true
  #hash = new Bun.CryptoHasher("sha256")
  #bytes = 0
  readonly #requests: Array<BatchedRequest> = []

  private constructor(
    /** Absolute. */
    readonly folder: string,
    readonly head: Head,
    readonly format: LineFormat,
    handle: FileHandle,
  ) {
    this.#handle = handle
  }

  static async begin(root: string, head: Head, format: LineFormat): Promise<InputFile> {
    const folder = join(root, newBatchName(new Date()))
    await makeFolder(folder)
    return new InputFile(folder, head, format, await open(join(folder, batchFile.input), "wx"))
  }

  /** Whether no request is in it. */
  get isEmpty(): boolean {
    return this.#requests.length === 0
  }

  /** Whether so many bytes more are within the limits. */
  hasRoom(bytes: number, { maxBytes, maxRequests }: FileLimits): boolean {
    const all = this.#bytes + bytes + this.format.frameBytes
    return all <= maxBytes && this.#requests.length < maxRequests
  }

  /** Adds a line. If that fails half-way, as where a picture cannot be read, the file is as it was before. */
  async add({ request, body }: WholeRequest): Promise<void> {
    const hash = this.#hash.copy()
    let at = this.#bytes
    const put = async (piece: Uint8Array) => {
      hash.update(piece)
      await writeAt(this.#handle, piece, at)
      at += piece.length
    }
    try {
      await put(lineStart(request.custom_id, basename(this.folder), this.head.url, this.format))
      for await (const piece of body.stream()) await put(piece)
      await put(newline)
    } catch (cause) {
      await this.#handle.truncate(this.#bytes)
      throw cause
    }
    this.#hash = hash
    this.#bytes = at
    this.#requests.push(request)
  }

  /** Ends the file: from here on it is a batch that can be submitted, whatever happens. May be tried again where the disk fails. */
  async finish(): Promise<{ readonly state: BatchState; readonly requests: ReadonlyArray<BatchedRequest> }> {
    if (this.#isOpen) await this.#handle.sync()
    await this.#close()
    const state = {
      ...this.head,
      state: "written",
      input_sha256: this.#hash.digest("hex"),
      input_bytes: this.#bytes,
      requests: this.#requests.length,
    } satisfies BatchState
    await writeRequests(this.folder, this.#requests)
    await writeState(this.folder, state)
    await syncFolder(this.folder)
    return { state, requests: this.#requests }
  }

  async #close(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    await this.#handle.close()
  }

  /** Gives up what was not finished. */
  async drop(): Promise<void> {
    await this.#close()
    await removeBatch(this.folder)
  }
}
