import { constants, openSync, writeSync } from "node:fs"
import { hasCode } from "../files/fault.ts"

type Stream = NodeJS.WriteStream & { readonly fd: 1 | 2 }

/** Takes bytes, in order and without blocking. */
interface Sink {
  /** Says when the bytes are out, or why they never will be. */
  readonly send: (bytes: Uint8Array, done: (problem?: unknown) => void) => void
  /** Writes ahead of what waits, as far as that is possible at once. */
  readonly sendNow: (bytes: Uint8Array) => void
}

/** Files, pipes and sockets. */
const streamSink = (stream: Stream): Sink => ({
  send: (bytes, done) => void stream.write(bytes, (problem) => done(problem ?? undefined)),
  sendNow: (bytes) => void writeSync(stream.fd, bytes),
})

const retryEveryMs = 20
const attemptsNow = 20

/** Writes what fits; gives how much that was. */
const writeSome = (fd: number, bytes: Uint8Array): number => {
  try {
    return writeSync(fd, bytes)
  } catch (problem) {
    if (hasCode(problem, "EAGAIN")) return 0
    throw problem
  }
}

/**
 * A terminal, through an open file of our own that does not block. Bun's stream blocks: a terminal that was stopped with
 * Ctrl-S, or whose connection hangs, would hold up the whole run. Undefined where it cannot be opened once more.
 */
const terminalSink = (stream: Stream): Sink | undefined => {
  if (process.platform !== "linux") return undefined
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants
  let fd: number
  try {
    fd = openSync(`/proc/self/fd/${stream.fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY)
  } catch {
    // A terminal of another user, or no /proc: the stream will do.
    return undefined
  }
  const queue: Array<{ bytes: Uint8Array; readonly done: (problem?: unknown) => void }> = []
  const sendAll = (): void => {
    for (let first = queue[0]; first !== undefined; first = queue[0]) {
      try {
        first.bytes = first.bytes.subarray(writeSome(fd, first.bytes))
        if (first.bytes.length > 0) {
          setTimeout(sendAll, retryEveryMs)
          return
        }
        queue.shift()
        first.done()
      } catch (problem) {
        for (const { done } of queue.splice(0)) done(problem)
      }
    }
  }
  return {
    send: (bytes, done) => {
      queue.push({ bytes, done })
      if (queue.length === 1) sendAll()
    },
    sendNow: (bytes) => {
      for (let attempt = 0; attempt < attemptsNow && writeSome(fd, bytes) === 0; attempt++) Bun.sleepSync(1)
    },
  }
}

/** What may wait for a reader that does not read: 16 MiB. Later text is left out until there is room. */
const mostWaiting = 16 << 20

/** Text that could not be told. */
export interface Loss {
  /** How many writes are missing, in whole or in part. */
  readonly texts: number
  /** Why the first of them is. */
  readonly message: string
  /** Whether the reader went away: that is its own decision, and no failure. */
  readonly isClosed: boolean
}

/**
 * One of the two outputs of the process. What is written goes out in order and in the background. Nothing that happens to an
 * output stops the program: a reader that has gone, a full disk and a closed terminal cost text, and not the work.
 */
export class Output {
  private readonly encoder = new TextEncoder()
  private sink: Sink | undefined
  private waiting = 0
  private isCut = false
  private lost: Loss | undefined
  private idle: Array<() => void> = []

  constructor(private readonly stream: Stream) {
    // What is lost is noted where it was to be written; without a listener the process would end.
    stream.on("error", () => undefined)
  }

  get isTTY(): boolean {
    return this.stream.isTTY === true
  }

  /** Columns of the terminal; 80 where that is not known. */
  get columns(): number {
    return this.stream.columns || 80
  }

  /** Rows of the terminal; 24 where that is not known. */
  get rows(): number {
    return this.stream.rows || 24
  }

  /** Bytes that are not out yet. */
  get writableLength(): number {
    return this.waiting
  }

  /** What could not be told, if anything. */
  get loss(): Loss | undefined {
    return this.lost
  }

  on(name: "resize", run: () => void): void {
    this.stream.on(name, run)
  }

  off(name: "resize", run: () => void): void {
    this.stream.off(name, run)
  }

  /** Writes text, as it is. */
  write(text: string): void {
    if (this.lost?.isClosed === true || this.waiting > mostWaiting) {
      this.lose("nobody reads it")
      return
    }
    // A line that was cut off in the middle does not swallow the next one.
    const bytes = this.encoder.encode(this.isCut ? `\n${text}` : text)
    this.isCut = false
    this.waiting += bytes.length
    this.open().send(bytes, (problem) => {
      this.waiting -= bytes.length
      if (problem !== undefined) this.failed(problem)
      if (this.waiting === 0) for (const resolve of this.idle.splice(0)) resolve()
    })
  }

  /** Writes text that has to be out before the process is gone, ahead of what waits. Nothing if that fails. */
  writeNow(text: string): void {
    try {
      this.open().sendNow(this.encoder.encode(text))
    } catch {
      // The terminal has gone, and nobody is left to see it.
    }
  }

  /** Resolves once everything is out or lost. A reader that reads slowly is waited for. */
  flushed(): Promise<void> {
    if (this.waiting === 0) return Promise.resolve()
    return new Promise((resolve) => this.idle.push(resolve))
  }

  private open(): Sink {
    this.sink ??= (this.isTTY ? terminalSink(this.stream) : undefined) ?? streamSink(this.stream)
    return this.sink
  }

  private lose(message: string, isClosed = false): void {
    const { texts = 0, message: first = message } = this.lost ?? {}
    this.lost = { texts: texts + 1, message: first, isClosed: isClosed || this.lost?.isClosed === true }
  }

  private failed(problem: unknown): void {
    // There may be room again later; a reader does not come back.
    const isFull = hasCode(problem, "ENOSPC", "EDQUOT", "EFBIG")
    this.isCut = isFull
    const why = problem instanceof Error ? problem.message : String(problem)
    this.lose(isFull ? "the disk is full" : why, !isFull)
  }
}

/** The standard output: what a command was asked for. */
export const stdout = new Output(process.stdout)
/** The standard error: progress, messages, errors. */
export const stderr = new Output(process.stderr)
