import { Effect, Either } from "effect"
import type { RunSettings } from "./config.ts"
import type { GateLimits } from "./model/client/gate.ts"
import { promptTokens } from "./model/estimate.ts"
import { costOf, type Price } from "./model/money.ts"
import { noUsage } from "./model/VisionModel.ts"
import { lookInto } from "./pipeline.ts"
import { annotationSchemas } from "./plan/schemas.ts"
import { loadPrompts } from "./stages/prompts.ts"
import { type NeededCall, survey } from "./stages/survey.ts"
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
export const assumedPixelsPerSecond = 400e6

interface VideoCall extends NeededCall {
  readonly width: number
  readonly height: number
}

/** Pixels that are decoded for so many pictures: each needs about half of the frames from its key frame on. */
const decodedPixels = (source: VideoSource, pictures: number): number => {
  const frames = source.framePts.length
  const keys = Math.max(1, source.keyframes?.length ?? 1)
  return Math.min(frames, pictures * Math.max(1, frames / keys / 2)) * source.codedWidth * source.codedHeight
}

const nothing = { calls: [], decodeSeconds: 0 }

/** What one video still needs. Whatever keeps it from being worked on is told and keeps nothing else from being looked at. */
const expectVideo = Effect.fn("DryRun.video")(function* (file: string, settings: RunSettings) {
  const looked = yield* Effect.either(
    Effect.gen(function* () {
      const { facts, existing } = yield* lookInto(file, settings)
      const { calls, decoded, failure } = yield* survey(facts, existing ?? {})
      const { source } = facts
      const { displayWidth: width, displayHeight: height } = source
      const pixels = decoded.reduce((sum, pictures) => sum + decodedPixels(source, pictures), 0)
      return {
        calls: calls.map((call): VideoCall => ({ ...call, width, height })),
        decodeSeconds: pixels / assumedPixelsPerSecond,
        failure: failure === undefined ? undefined : { file, message: failure.message },
      }
    }),
  )
  return Either.isRight(looked)
    ? looked.right
    : { ...nothing, failure: { file, message: looked.left.message } satisfies ForeseenFailure }
})

/** Calls of one video one after the other: those of Stages 1 and 2, then the steps, some at a time. */
const roundsOf = (calls: ReadonlyArray<NeededCall>, atOnce: number): number => {
  const steps = calls.filter(({ stage }) => stage === 3).length
  return calls.length - steps + Math.ceil(steps / atOnce)
}

const add = (numbers: ReadonlyArray<number>): number => numbers.reduce((sum, one) => sum + one, 0)

/** Texts of about the usual length in the places of a prompt. */
const values = {
  frame_count: "50",
  boundary_max: "51",
  step_count: "5",
  steps: "",
  high_level_goal: "",
  draft_step: "",
}

/** Adds up what the given videos will take, without asking a model or writing a file. */
export const expect = Effect.fn("DryRun.expect")(function* (
  files: ReadonlyArray<string>,
  settings: RunSettings,
  model: { readonly name: string; readonly price: Price | undefined; readonly limits: GateLimits },
  videoConcurrency: number,
) {
  const prompts = yield* loadPrompts(annotationSchemas[settings.annotationSchema])
  const perVideo = yield* Effect.forEach(files, (file) => expectVideo(file, settings), { concurrency: 2 })
  const calls = perVideo.flatMap((video): ReadonlyArray<VideoCall> => video.calls)
  const usages = calls.map(({ answerTokens, stage, width, height }) => {
    const prompt = prompts[`stage${stage}`](values)
    const images = Array.from({ length: settings.maxFrames }, () => ({
      path: "",
      bytes: 0,
      sha256: "",
      width,
      height,
    }))
    const request = { system: prompts.system, prompt, images, turns: [] }
    return {
      prompt_tokens: promptTokens(model.name, request),
      completion_tokens: answerTokens,
    }
  })
  const total = {
    ...noUsage,
    prompt_tokens: add(usages.map((usage) => usage.prompt_tokens)),
    completion_tokens: add(usages.map((usage) => usage.completion_tokens)),
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
    images: calls.length * settings.maxFrames,
    repeated: add(calls.map(({ distinct }) => settings.maxFrames - distinct)),
    promptTokens: total.prompt_tokens,
    completionTokens: total.completion_tokens,
    costUsd: costOf(model.price, total),
    seconds,
    decodeSeconds: add(perVideo.map((video) => video.decodeSeconds)),
    failures: perVideo.flatMap(({ failure }) => (failure === undefined ? [] : [failure])),
  } satisfies Expectation
})
