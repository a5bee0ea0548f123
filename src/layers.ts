import { availableParallelism } from "node:os"
import { relative } from "node:path"
import { Context, Effect, Either, Layer } from "effect"
import * as LocalStore from "./dataset/local-store.ts"
import * as RunClock from "./dataset/RunClock.ts"
import * as WrittenModel from "./demo/written-model.ts"
import * as InProcess from "./engine/in-process.ts"
import * as CallLog from "./model/client/CallLog.ts"
import * as Client from "./model/client/client.ts"
import type { ServiceSettings } from "./model/client/settings.ts"
import * as Recording from "./model/recording.ts"
import * as Rehearsal from "./model/rehearsal.ts"
import { LABEL_HEIGHT_FRACTION } from "./picture/overlay.ts"
import { shrinkJpeg, smallLuma } from "./picture/picture.ts"
import * as Pipeline from "./pipeline.ts"
import { ClipCutter } from "./video/ClipCutter.ts"
import { type Backends, withFallback } from "./video/fallback.ts"
import * as FfmpegCutter from "./video/ffmpeg/cutter.ts"
import * as FfmpegDecoder from "./video/ffmpeg/decoder.ts"
import * as FfmpegProgram from "./video/ffmpeg/program.ts"
import * as LabelThreads from "./video/label-threads.ts"
import * as LibavCutter from "./video/libav/cutter.ts"
import * as LibavDecoder from "./video/libav/decoder.ts"
import * as LibavPool from "./video/libav/workers.ts"
import { DEFAULT_MEMORY_LIMIT_MB, type PictureWork, withMemoryLimit } from "./video/picture-memory.ts"
import { type Backend, withSameFrames } from "./video/same-frames.ts"
import { VideoDecoder } from "./video/VideoDecoder.ts"
import * as WasmCutter from "./video/wasm/cutter.ts"
import * as WasmDecoder from "./video/wasm/decoder.ts"
import * as WasmPool from "./video/wasm/workers.ts"

/** The decoders one can ask for. `auto` is the fastest that loads. */
export const decoderNames = ["auto", "wasm", "native", "ffmpeg"] as const
export type DecoderName = (typeof decoderNames)[number]

/** Which implementations stand behind the services of `video/`. */
export interface VideoSettings {
  /** Cut with this `ffmpeg` program instead of in process; also the program of the decoder `ffmpeg`. */
  readonly ffmpegBin?: string
  /** Default `auto`. */
  readonly decoder?: DecoderName
  /** Whether the next decoder is asked where one fails for a reason that another may not share. Default true. */
  readonly decoderFallback?: boolean
  /** Videos whose pictures need more memory are refused; in MB, default 1000. */
  readonly memoryLimitMb?: number
  /** What will be done with pictures, which decides about the memory that they need; default `encoding`. */
  readonly pictureWork?: PictureWork
  /** Decoding threads; default one per core, four at most. */
  readonly workers?: number
}

const threads = (): number => Math.max(1, Math.min(4, availableParallelism()))
const silenceMs = 120_000
/** A process says nothing while it decodes what is not wanted. */
const ffmpegSilenceMs = 600_000

type BackendName = Exclude<DecoderName, "auto">

/** Who is asked after whom. */
const succession: Readonly<Record<DecoderName, readonly [BackendName, ...ReadonlyArray<BackendName>]>> = {
  auto: ["native", "ffmpeg", "wasm"],
  native: ["native", "ffmpeg", "wasm"],
  ffmpeg: ["ffmpeg", "native", "wasm"],
  wasm: ["wasm", "native", "ffmpeg"],
}

type Means = LibavPool.LibavPool | FfmpegProgram.Ffmpeg | WasmPool.WasmPool

const decoderLayers: Readonly<Record<BackendName, Layer.Layer<VideoDecoder, never, Means>>> = {
  native: LibavDecoder.layer,
  ffmpeg: FfmpegDecoder.layer,
  wasm: WasmDecoder.layer,
}
const cutterLayers: Readonly<Record<BackendName, Layer.Layer<ClipCutter, never, Means>>> = {
  native: LibavCutter.layer,
  ffmpeg: FfmpegCutter.layer,
  wasm: WasmCutter.layer,
}

const buildDecoder = (backend: BackendName) =>
  Effect.map(Layer.build(decoderLayers[backend]), (context) => Context.get(context, VideoDecoder))
const buildCutter = (backend: BackendName) =>
  Effect.map(Layer.build(cutterLayers[backend]), (context) => Context.get(context, ClipCutter))

const decoderLayer = ({
  decoder = "auto",
  decoderFallback = true,
  memoryLimitMb = DEFAULT_MEMORY_LIMIT_MB,
  pictureWork = "encoding",
}: VideoSettings) => {
  const [first, ...others] = succession[decoder]
  const onlyOne = !decoderFallback && decoder !== "auto"
  return Layer.scoped(
    VideoDecoder,
    Effect.gen(function* () {
      const backends: Backends = [
        yield* buildDecoder(first),
        ...(onlyOne ? [] : yield* Effect.forEach(others, buildDecoder)),
      ]
      const inTurn = withFallback(backends, decoderFallback ? "any" : "unavailable")
      return withMemoryLimit(inTurn, memoryLimitMb, pictureWork)
    }),
  )
}

/** The first cutter that works on this machine; which one made the clips is recorded with them. */
const cutterLayer = ({ ffmpegBin }: VideoSettings) =>
  Layer.scoped(
    ClipCutter,
    Effect.gen(function* () {
      const build = (name: BackendName) =>
        Effect.all({ cutter: buildCutter(name), decoder: buildDecoder(name) })
      const [native, program, wasm] = [yield* build("native"), yield* build("ffmpeg"), yield* build("wasm")]
      const works = ({ cutter }: Backend) => Effect.map(Effect.either(cutter.available), Either.isRight)
      const choose = Effect.gen(function* () {
        if (ffmpegBin !== undefined) return program
        for (const backend of [native, program, wasm]) if (yield* works(backend)) return backend
        // Where none works, the first one says best what is missing.
        return native
      })
      return withSameFrames((yield* choose).cutter, [native, program, wasm])
    }),
  )

/**
 * `VideoDecoder` and `ClipCutter`: the decoder that was asked for and those that stand in for it, and for cutting in-process
 * libav in worker threads, or a given `ffmpeg`, or what else works here.
 */
export const video = (settings: VideoSettings = {}) => {
  const size = settings.workers ?? threads()
  const means = Layer.mergeAll(
    LibavPool.layer({ size, deadlineMs: silenceMs }),
    FfmpegProgram.layer({ bin: settings.ffmpegBin ?? "ffmpeg", size, deadlineMs: ffmpegSilenceMs }),
    WasmPool.layer({ size, deadlineMs: silenceMs }),
  )
  const labels = LabelThreads.layer({ size, deadlineMs: silenceMs })
  return Layer.mergeAll(decoderLayer(settings), cutterLayer(settings), labels).pipe(Layer.provide(means))
}

/** `VisionModel` over a service of any protocol, with a gate and a budget of its own. */
export const service = (settings: ServiceSettings) => Client.layer({ shrink: shrinkJpeg, ...settings })

/** The same, with the gate and the budget of whoever provides `CallGate` and `CallBudget`. */
export const sharedService = (settings: ServiceSettings) =>
  Client.layerShared({ shrink: shrinkJpeg, ...settings })

/** `VisionModel` over an OpenAI-compatible service: chat completions. */
export const openai = (settings: Omit<ServiceSettings, "protocol">) =>
  service({ ...settings, protocol: "chat" })

const gridWidth = 32
const gridHeight = 18
/** Labels drawn on the pictures are not part of the scene. */
const belowLabels = gridWidth * Math.ceil(gridHeight * LABEL_HEIGHT_FRACTION)

/** `VisionModel` as an offline stand-in. */
export const rehearsal = Rehearsal.layer((jpeg) =>
  Effect.map(smallLuma(jpeg, gridWidth, gridHeight), (grid) => grid.subarray(belowLabels)),
)

/** `VisionModel` with the answers that were written by hand for the demo video; it knows no other. */
export const writtenDemo = WrittenModel.layer

/** Keeps or repeats the exchanges with a model. */
export const record = (dir: string) =>
  // Calls are made from within a video's folder; a recording lies elsewhere.
  Recording.record(dir, (path, text) => LocalStore.localStore(dir).write(relative(dir, path), text))
export const replay = Recording.replay

/** Keeps or repeats the times that are written into a dataset, so that a replay gives the same bytes. */
export const rememberTimes = RunClock.remember
export const repeatTimes = RunClock.repeat

/** Notes every attempt to ask the model in a file of JSON lines. */
export const callLog = CallLog.file

/** Output roots that are folders of this machine. */
export const localRoots = LocalStore.layer

/** The pipeline over output roots of one's own; needs `VideoDecoder`, `ClipCutter`, `VisionModel` and `OutputRoots`. */
export const pipelineOver = Pipeline.layer

/** The pipeline over local output roots; needs `VideoDecoder`, `ClipCutter` and `VisionModel`. */
export const pipeline = Layer.provideMerge(Pipeline.layer, localRoots)

/** The same with another list of stages. */
export const pipelineOf = (...given: Parameters<typeof Pipeline.layerOf>) =>
  Layer.provideMerge(Pipeline.layerOf(...given), localRoots)

/** `Executor` in this process; needs a `Pipeline` and its `OutputRoots`. */
export const inProcess = InProcess.layer
