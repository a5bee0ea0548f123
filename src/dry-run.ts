import { Effect, Either } from "effect"
import type { RunSettings } from "./config.ts"
import { inOutputRoot } from "./dataset/DatasetStore.ts"
import type { GateLimits } from "./model/client/gate.ts"
import { type SendingPictures, sentSize, sideLimitOf } from "./model/client/sent-pictures.ts"
import { protocolIn, type ServiceSettings } from "./model/client/settings.ts"
import { wantedOf } from "./model/client/wanted.ts"
import { promptTokens } from "./model/estimate.ts"
import { familyOf, type ModelFamily } from "./model/families.ts"
import { costOf, type Price, priceIn, priceInBatch, priceOf } from "./model/money.ts"
import { type Looking, pictureTokensOf } from "./model/tokens.ts"
import { noUsage } from "./model/VisionModel.ts"
import { lookInto } from "./pipeline.ts"
import { stages as allStages } from "./stages/list.ts"
import type { NeededCall, Stage } from "./stages/Stage.ts"
import { survey } from "./stages/survey.ts"
import type { VideoSource } from "./video/VideoDecoder.ts"

/** A video that a run would fail, now or after the calls that are counted. */
export interface ForeseenFailure {
  readonly file: string
  readonly message: string
}

/** What a run is expected to take. Exact for calls and pictures given the number of steps; estimated for the rest. */
export interface Expectation {
  readonly videos: number
  readonly calls: number
  /** How many more answers may call for, at most: borders that lie outside of where they are looked for, steps that are refined once more, readings that disagree. */
  readonly furtherCalls: number
  readonly images: number
  /** Of the pictures, those that repeat another of their call: short videos and clips have fewer frames than a pool. */
  readonly repeated: number
  readonly promptTokens: number
  readonly completionTokens: number
  /** US dollars; null where no price is known. */
  readonly costUsd: number | null
  /** Seconds of waiting for the model, at the limits given. */
  readonly seconds: number
  /** Seconds of decoding pictures that are not there yet, one video after the other. */
  readonly decodeSeconds: number
  /** In the order of the videos. */
  readonly failures: ReadonlyArray<ForeseenFailure>
}

/** Seconds of one call; answers of some thousand tokens take about that. */
export const assumedLatencySec = 20
/** Pixels that are decoded in a second: what two cores do with H.264. */
const assumedPixelsPerSecond = 400e6

const add = (numbers: ReadonlyArray<number>): number => numbers.reduce((sum, one) => sum + one, 0)

/** Pixels that are decoded for so many pictures: each needs about half of the frames from its key frame on. */
const decodedPixels = (source: VideoSource, pictures: number): number => {
  const frames = source.framePts.length
  const keys = Math.max(1, source.keyframes?.length ?? 1)
  return Math.min(frames, pictures * Math.max(1, frames / keys / 2)) * source.codedWidth * source.codedHeight
}

/** A call with the tokens that it is thought to take. */
interface EstimatedCall extends NeededCall {
  readonly promptTokens: number
}

/** The model that will be asked, as far as it decides what calls take. */
export interface ExpectedModel extends SendingPictures {
  readonly family: ModelFamily
  readonly looking?: Looking
  /** Its longest answer in tokens; absent leaves the service's own limit. */
  readonly maxTokens?: number
  readonly price: Price | undefined
  readonly limits: GateLimits
}

/** A model that answers without a service: nothing is paid. */
export const unpaidModel: ExpectedModel = { family: {}, price: undefined, limits: {} }

/** The model of a service, as far as its settings decide what calls take, one by one or in batches. */
export const expectedModel = (
  settings: ServiceSettings,
  mode: "online" | "batch" = "online",
): ExpectedModel => {
  const { maxTokens, model, price = {}, sendMaxSidePx } = settings
  const family = familyOf(model, settings.families)
  const { detail, detailOfSmall, serviceTier } = wantedOf(settings, protocolIn(settings), family).wanted
  const listed = priceOf(model, price)
  return {
    family,
    looking: { detail, detailOfSmall },
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(sendMaxSidePx === undefined ? {} : { sendMaxSidePx }),
    price: mode === "batch" ? priceInBatch(listed) : priceIn(listed, serviceTier),
    limits: settings.limits ?? {},
  }
}

/** What a call takes, with pictures of a video. */
const estimated = (
  call: NeededCall,
  model: ExpectedModel,
  system: string,
  { displayHeight: height, displayWidth: width }: VideoSource,
): EstimatedCall => {
  const label = call.label === undefined ? {} : { label: call.label }
  const images = Array.from({ length: call.images }, (_, i) => {
    const [imageWidth, imageHeight] = call.sizes?.[i] ?? [width, height]
    return { path: "", bytes: 0, sha256: "", width: imageWidth, height: imageHeight, ...label }
  })
  const maxSidePx = sideLimitOf(images.length, model, model.family)
  const sent = images.map((image) => sentSize(image, maxSidePx))
  const request = { system, prompt: call.prompt, images: sent, turns: [] }
  return {
    ...call,
    promptTokens: promptTokens(request, pictureTokensOf(model.family, model.looking)),
    answerTokens: Math.min(call.answerTokens, model.maxTokens ?? Number.POSITIVE_INFINITY),
  }
}

const nothing = { calls: [], decodeSeconds: 0, further: 0 }

/** What one video still needs. Whatever keeps it from being worked on is told and keeps nothing else from being looked at. */
const expectVideo = Effect.fn("DryRun.video")(function* (
  file: string,
  settings: RunSettings,
  stages: ReadonlyArray<Stage>,
  model: ExpectedModel,
) {
  const looked = yield* Effect.either(
    Effect.gen(function* () {
      const { facts, existing, inOrder } = yield* lookInto(file, settings, stages)
      const { calls, decoded, failure, further } = yield* survey(facts, existing ?? {}, inOrder)
      const { prompts, source } = facts
      const pixels = decoded.reduce((sum, pictures) => sum + decodedPixels(source, pictures), 0)
      return {
        calls: calls.map((call) => estimated(call, model, prompts.system, source)),
        decodeSeconds: pixels / assumedPixelsPerSecond,
        further,
        failure: failure === undefined ? undefined : { file, message: failure.message },
      }
    }).pipe(inOutputRoot(settings.outputRoot)),
  )
  return Either.isRight(looked)
    ? looked.right
    : { ...nothing, failure: { file, message: looked.left.message } satisfies ForeseenFailure }
})

/** Calls of one video, stage after stage; those of one stage some at a time. */
const roundsOf = (calls: ReadonlyArray<NeededCall>, atOnce: number): number =>
  add(
    [...Map.groupBy(calls, ({ stage }) => stage.name).values()].map((own) => Math.ceil(own.length / atOnce)),
  )

/** Adds up what the given videos will take, without asking a model or writing a file. */
export const expect = Effect.fn("DryRun.expect")(function* (
  files: ReadonlyArray<string>,
  settings: RunSettings,
  model: ExpectedModel,
  videoConcurrency: number,
  stages: ReadonlyArray<Stage> = allStages,
) {
  const perVideo = yield* Effect.forEach(files, (file) => expectVideo(file, settings, stages, model), {
    concurrency: 2,
  })
  const calls = perVideo.flatMap((video): ReadonlyArray<EstimatedCall> => video.calls)
  const total = {
    ...noUsage,
    prompt_tokens: add(calls.map((call) => call.promptTokens)),
    completion_tokens: add(calls.map((call) => call.answerTokens)),
  }
  const { rpm = Number.POSITIVE_INFINITY, tpm = Number.POSITIVE_INFINITY } = model.limits
  const { maxInFlight = Number.POSITIVE_INFINITY } = model.limits
  const each = perVideo.map((video) => roundsOf(video.calls, Math.min(settings.stepConcurrency, maxInFlight)))
  const rounds = Math.max(
    ...each,
    Math.ceil(add(each) / videoConcurrency),
    Math.ceil(calls.length / maxInFlight),
  )
  const seconds = Math.max(
    rounds * assumedLatencySec,
    (calls.length / rpm) * 60,
    ((total.prompt_tokens + total.completion_tokens) / tpm) * 60,
  )
  return {
    videos: files.length,
    calls: calls.length,
    furtherCalls: add(perVideo.map((video) => video.further)),
    images: add(calls.map(({ images }) => images)),
    repeated: add(calls.map(({ distinct, images }) => images - distinct)),
    promptTokens: total.prompt_tokens,
    completionTokens: total.completion_tokens,
    costUsd: costOf(model.price, total),
    seconds,
    decodeSeconds: add(perVideo.map((video) => video.decodeSeconds)),
    failures: perVideo.flatMap(({ failure }) => (failure === undefined ? [] : [failure])),
  } satisfies Expectation
})
