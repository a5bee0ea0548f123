import { type FFFSType, FFmpeg, type LogEvent } from "@ffmpeg/ffmpeg"
import * as v from "valibot"
import {
  CoreEvent,
  CREDITS,
  HEAP_PAGES,
  HEARTBEAT,
  HOST_FILES,
  type HostFile,
  INITIAL_CREDITS,
  MEDIA_FOLDER,
  makeControl,
  PAGE_BYTES,
  type SinkRecord,
  STOP,
} from "./control.ts"

/** How often a run is looked after, in milliseconds. */
const WATCH_MS = 10
/** Lines of the error output that are kept. */
const TAIL_LINES = 20

export interface InstanceSettings {
  readonly module: WebAssembly.Module
  /** How long loading may take, in milliseconds. */
  readonly loadDeadlineMs: number
  /** How long the core may show no sign of life, in milliseconds. */
  readonly stallMs: number
}

/** One run of `ffmpeg` or `ffprobe` in the core. */
export interface CoreRun {
  readonly program: "ffmpeg" | "ffprobe"
  readonly args: ReadonlyArray<string>
  /** What is under `/media` meanwhile. */
  readonly files: ReadonlyArray<HostFile>
  /** Called now and then; what it throws ends the run. */
  readonly poll: () => void
  /** Gets what is written under `/sink`, in order, one at a time. */
  readonly onRecord: (record: SinkRecord, state: RunState) => Promise<void> | void
}

/** How a run stood when it wrote a record. */
export interface RunState {
  /** Lines of the error output until then. */
  readonly lines: number
  /** Ends the run early, whatever it was doing. */
  readonly stop: () => void
}

export interface CoreResult {
  /** Exit code; that of `ffprobe` says nothing. */
  readonly exitCode: number
  /** The last lines of the error output. */
  readonly lines: ReadonlyArray<string>
}

/** The instance can no longer be used: it crashed, hung, or did not load. */
export class InstanceFailure extends Error {}

const failure = (what: string, cause: unknown) =>
  new InstanceFailure(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`)

const classWorkerURL = new URL("../../../workers/ffmpeg-core.ts", import.meta.url).href
// The class knows the file systems of the core alone.
const hostFiles: string = HOST_FILES

/** An `FFmpeg` object with its thread, used for one run after another. */
export class Instance implements Disposable {
  readonly #ffmpeg = new FFmpeg()
  readonly #control = makeControl()
  readonly #settings: InstanceSettings
  #listener: (event: v.InferOutput<typeof CoreEvent>) => void = () => {}
  /** Set once it can no longer be used. */
  broken = false

  private constructor(settings: InstanceSettings) {
    this.#settings = settings
    this.#ffmpeg.on("log", (event: LogEvent) => this.#listener(v.parse(CoreEvent, event)))
  }

  /** Size of the WebAssembly memory after the last run. */
  get heapBytes(): number {
    return Atomics.load(this.#control, HEAP_PAGES) * PAGE_BYTES
  }

  /** Starts an instance; `InstanceFailure` if it does not load in time. */
  static async load(settings: InstanceSettings): Promise<Instance> {
    const instance = new Instance(settings)
    const config = { classWorkerURL, module: settings.module, control: instance.#control }
    try {
      await instance.#beforeDeadline(instance.#ffmpeg.load(config))
      await instance.#ffmpeg.createDir(MEDIA_FOLDER)
    } catch (cause) {
      instance[Symbol.dispose]()
      throw failure("ffmpeg-core does not load", cause)
    }
    return instance
  }

  /** A thread that cannot be started never answers. */
  #beforeDeadline(loading: Promise<unknown>): Promise<unknown> {
    const { loadDeadlineMs } = this.#settings
    const { promise, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(
      () => reject(new Error(`it was not ready within ${loadDeadlineMs / 1000} s`)),
      loadDeadlineMs,
    )
    return Promise.race([loading, promise]).finally(() => clearTimeout(timer))
  }

  /**
   * Runs a program to its end. What `poll` or `onRecord` throws stops it and is thrown on; after that the instance can be
   * used as before. A crash is an `InstanceFailure`, and the instance is gone.
   */
  async run(run: CoreRun): Promise<CoreResult> {
    if (this.broken) throw new InstanceFailure("this instance of ffmpeg-core crashed before")
    Atomics.store(this.#control, STOP, 0)
    Atomics.store(this.#control, CREDITS, INITIAL_CREDITS)
    const lines: Array<string> = []
    const problems: Array<unknown> = []
    const stop = () => {
      Atomics.store(this.#control, STOP, 1)
      Atomics.notify(this.#control, CREDITS)
    }
    const failWith = (problem: unknown) => {
      problems.push(problem)
      stop()
    }
    let lineCount = 0
    let handled = Promise.resolve()
    this.#listener = (event) => {
      if (event.type !== "record") {
        lineCount++
        lines.push(event.message)
        if (lines.length > TAIL_LINES) lines.shift()
        return
      }
      const state: RunState = { lines: lineCount, stop }
      handled = handled.then(async () => {
        if (problems.length === 0) await run.onRecord(event, state)
        Atomics.add(this.#control, CREDITS, 1)
        Atomics.notify(this.#control, CREDITS)
      })
      handled = handled.catch(failWith)
    }
    const watch = this.#watch(run.poll, failWith)
    try {
      const exitCode = await Promise.race([this.#execute(run), watch.stalled])
      await handled
      if (problems.length > 0) throw problems[0]
      return { exitCode, lines }
    } finally {
      watch.end()
      this.#listener = () => {}
    }
  }

  async #execute({ program, args, files }: CoreRun): Promise<number> {
    try {
      // `files` is one of the options the class knows; the rest is for the file system of ours.
      const options = { files: [], hostFiles: [...files] }
      await this.#ffmpeg.mount(hostFiles as FFFSType, options, MEDIA_FOLDER)
      const exitCode = await (program === "ffmpeg"
        ? this.#ffmpeg.exec([...args])
        : this.#ffmpeg.ffprobe([...args]))
      await this.#ffmpeg.unmount(MEDIA_FOLDER)
      if (program === "ffmpeg" && exitCode === -1) throw new Error("it ended without an exit code")
      return exitCode
    } catch (cause) {
      this[Symbol.dispose]()
      throw failure("ffmpeg-core crashed", cause)
    }
  }

  /** Looks after a run: passes on what `poll` throws, and gives up on a core that shows no sign of life. */
  #watch(poll: () => void, failWith: (problem: unknown) => void) {
    const { stallMs } = this.#settings
    const { promise: stalled, reject } = Promise.withResolvers<never>()
    let heartbeat = Atomics.load(this.#control, HEARTBEAT)
    let lastPulse = performance.now()
    let polling = true
    const timer = setInterval(() => {
      if (polling)
        try {
          poll()
        } catch (problem) {
          polling = false
          failWith(problem)
        }
      const now = performance.now()
      const latest = Atomics.load(this.#control, HEARTBEAT)
      if (latest !== heartbeat) lastPulse = now
      heartbeat = latest
      if (now - lastPulse < stallMs) return
      this[Symbol.dispose]()
      reject(new InstanceFailure(`ffmpeg-core showed no sign of life for ${stallMs / 1000} s`))
    }, WATCH_MS)
    return { stalled, end: () => clearInterval(timer) }
  }

  [Symbol.dispose](): void {
    this.broken = true
    this.#ffmpeg.terminate()
  }
}
