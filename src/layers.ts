import { availableParallelism } from "node:os"
import { Array as Arr, Context, Effect, Layer, type Scope } from "effect"
import * as LocalStore from "./dataset/local-store.ts"
import * as RunClock from "./dataset/RunClock.ts"
import * as WrittenModel from "./demo/written-model.ts"
import * as InProcess from "./engine/in-process.ts"
import type { BatchSettings } from "./model/batch-api/batches.ts"
import * as BatchOutlook from "./model/client/batch-outlook.ts"
import * as Batched from "./model/client/batched.ts"
import * as CallLog from "./model/client/CallLog.ts"
import * as Client from "./model/client/client.ts"
import type { ServiceSettings } from "./model/client/settings.ts"
import * as Recording from "./model/recording.ts"
import * as Rehearsal from "./model/rehearsal.ts"
import { LABEL_HEIGHT_FRACTION } from "./picture/overlay.ts"
import { shrinkJpeg, smallLuma, tilesOf } from "./picture/picture.ts"
import * as Pipeline from "./pipeline.ts"
import type { Backend, Backends } from "./video/Backend.ts"
import { ClipCutter } from "./video/ClipCutter.ts"
import { cutterOf } from "./video/cutting.ts"
import { withFallback } from "./video/fallback.ts"
import * as Ffmpeg from "./video/ffmpeg/backend.ts"
import * as LabelThreads from "./video/label-threads.ts"
import * as Libav from "./video/libav/backend.ts"
import { DEFAULT_MEMORY_LIMIT_MB, type PictureWork, withMemoryLimit } from "./video/picture-memory.ts"
import { VideoDecoder } from "./video/VideoDecoder.ts"
import * as Wasm from "./video/wasm/backend.ts"

/** What a backend may want to know of the machine and of the settings. */
export interface BackendSettings {
  /** Path or name of an `ffmpeg` program. */
  readonly ffmpegBin: string
  /** Decoding threads, or processes. */
  readonly workers: number
}

/** A backend, and the name under which it is asked for. */
export interface BackendChoice<Name extends string = string> {
  readonly name: Name
  readonly make: (settings: BackendSettings) => Effect.Effect<Backend, never, Scope.Scope>
}

const silenceMs = 120_000
/** A process says nothing while it decodes what is not wanted. */
const ffmpegSilenceMs = 600_000

/** The backends that come with the program, in the order in which they are tried. */
export const backends = [
  { name: "native", make: ({ workers }) => Libav.make({ size: workers, deadlineMs: silenceMs }) },
  {
    name: "ffmpeg",
    make: ({ ffmpegBin, workers }) =>
      Ffmpeg.make({ bin: ffmpegBin, size: workers, deadlineMs: ffmpegSilenceMs }),
  },
  { name: "wasm", make: ({ workers }) => Wasm.make({ size: workers, deadlineMs: silenceMs }) },
] as const satisfies ReadonlyArray<BackendChoice>

type BackendName = (typeof backends)[number]["name"]

/** The decoders one can ask for. `auto` is the fastest that loads. */
export type DecoderName = "auto" | BackendName
export const decoderNames: ReadonlyArray<DecoderName> = ["auto", ...backends.map(({ name }) => name)]

/** Which implementations stand behind the services of `video/`. */
export interface VideoSettings<Name extends string = BackendName> {
  /** Cut with this `ffmpeg` program instead of in process; also the program of the decoder `ffmpeg`. */
  readonly ffmpegBin?: string
  /** Default `auto`. */
  readonly decoder?: Name | "auto"
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

/**
 * `VideoDecoder` and `ClipCutter` over these backends: the decoder that was asked for, with the others as its fallback, and the first
 * of them that cuts here, or a given `ffmpeg`.
 *
 * @param choices in the order in which they are tried
 */
export const videoOf = <Name extends string>(
  choices: readonly [BackendChoice<Name>, ...ReadonlyArray<BackendChoice<Name>>],
  settings: VideoSettings<Name> = {},
) => {
  const { decoder = "auto", decoderFallback = true, ffmpegBin, workers = threads() } = settings
  const { memoryLimitMb = DEFAULT_MEMORY_LIMIT_MB, pictureWork = "encoding" } = settings
  const services = Effect.gen(function* () {
    const build = ({ make, name }: BackendChoice<Name>) =>
      Effect.map(make({ ffmpegBin: ffmpegBin ?? "ffmpeg", workers }), (backend) => ({ name, backend }))
    const built = yield* Effect.forEach(choices, build)
    const named = (wanted: string) => built.find(({ name }) => name === wanted)?.backend
    const inOrder = Arr.map(built, ({ backend }) => backend)
    const asked = named(decoder)
    const decoders: Backends =
      asked === undefined
        ? inOrder
        : [asked, ...(decoderFallback ? inOrder.filter((backend) => backend !== asked) : [])]
    const decoding = withFallback(decoders, decoderFallback ? "any" : "unavailable")
    const cutting = yield* cutterOf(inOrder, ffmpegBin === undefined ? undefined : named("ffmpeg"))
    return Context.make(VideoDecoder, withMemoryLimit(decoding, memoryLimitMb, pictureWork)).pipe(
      Context.add(ClipCutter, cutting),
    )
  })
  const labels = LabelThreads.layer({ size: workers, deadlineMs: silenceMs })
  return Layer.merge(Layer.scopedContext(services), labels)
}

/** The same over the backends that come with the program: libav in worker threads, an `ffmpeg` program, ffmpeg in WebAssembly. */
export const video = (settings: VideoSettings = {}) => videoOf<BackendName>(backends, settings)

/** `VisionModel` over a service of any protocol, with a gate and a budget of its own. */
export const service = (settings: ServiceSettings) => Client.layer({ shrink: shrinkJpeg, ...settings })

/** The same, with the gate and the budget of whoever provides `CallGate` and `CallBudget`. */
export const sharedService = (settings: ServiceSettings) =>
  Client.layerShared({ shrink: shrinkJpeg, ...settings })

/** `VisionModel` over a service's batch API, and `ModelBatches`, which has to be told when to submit requests. */
export const batchedService = (settings: ServiceSettings, batching: BatchSettings) =>
  Batched.layer({ shrink: shrinkJpeg, ...settings }, batching)

/** A `VisionModel` that also foresees what of a run was submitted before. Nothing is submitted or fetched. */
export const withBatches = BatchOutlook.withOutlook

/** `VisionModel` over an OpenAI-compatible service: chat completions. */
export const openai = (settings: Omit<ServiceSettings, "protocol">) =>
  service({ ...settings, protocol: "chat" })

const gridWidth = 32
const gridHeight = 18
/** Labels drawn on the pictures are not part of the scene; in the tiles of a sheet they take more of it. */
const belowLabels = gridWidth * Math.ceil(gridHeight * LABEL_HEIGHT_FRACTION)
const belowBadges = gridWidth * Math.ceil(gridHeight / 3)

/** `VisionModel` as an offline stand-in. */
export const rehearsal = Rehearsal.layer((jpeg, { columns, count }) => {
  const rows = Math.ceil(count / columns)
  const below = count === 1 ? belowLabels : belowBadges
  return Effect.map(smallLuma(jpeg, gridWidth * columns, gridHeight * rows), (grid) =>
    tilesOf(grid, gridWidth, gridHeight, columns, count).map((tile) => tile.subarray(below)),
  )
})

/** `VisionModel` with the answers that were written by hand for the demo video; it knows no other. */
export const writtenDemo = WrittenModel.layer

/** Keeps or repeats the exchanges with a model. */
export const record = (dir: string) => Recording.record(dir, LocalStore.writeLocalFile)
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
