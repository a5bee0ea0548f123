import { resolve } from "node:path"
import { Effect } from "effect"
import type { RunSettings, StageNumber } from "./config.ts"
import { videoFolder, videoId } from "./dataset/layout.ts"
import { readSummary, summaryPath } from "./dataset/summary.ts"
import { firstAnswer, promptTokens } from "./model/estimate.ts"
import type { GateLimits } from "./model/gate.ts"
import { costOf, type Price } from "./model/money.ts"
import { noUsage } from "./model/VisionModel.ts"
import { annotationSchemas } from "./plan/schemas.ts"
import { loadPrompts } from "./stages/prompts.ts"
import { VideoDecoder } from "./video/VideoDecoder.ts"

/** What a run is expected to take. Exact for calls and pictures given the number of steps; estimated for the rest. */
export interface Expectation {
  readonly videos: number
  readonly calls: number
  readonly images: number
  readonly promptTokens: number
  readonly completionTokens: number
  /** US dollars; null where no price is known. */
  readonly costUsd: number | null
  /** Seconds of waiting for the model, at the limits given. */
  readonly seconds: number
}

/** Steps of a plan that is not drafted yet. */
export const assumedSteps = 5
/** Seconds of one call; answers of some thousand tokens take about that. */
export const assumedLatencySec = 20

interface Call {
  readonly stage: StageNumber
  readonly width: number
  readonly height: number
}

const stages = { 1: "draft", 2: "localize", 3: "refine" } as const

/** The calls a video still needs. */
const callsFor = Effect.fn("DryRun.calls")(function* (file: string, settings: RunSettings) {
  const source = yield* (yield* VideoDecoder).probe(file)
  const folder = videoFolder(resolve(settings.outputRoot), videoId(file))
  const summary = settings.overwrite ? undefined : yield* readSummary(summaryPath(folder))
  const { displayWidth: width, displayHeight: height } = source
  const call = (stage: StageNumber): Call => ({ stage, width, height })
  const done = (summary?.stage3?.steps ?? []).filter(({ status }) => status === "completed").length
  const drafted = summary?.stage3?.steps.length ?? assumedSteps
  return settings.stages.flatMap((stage): ReadonlyArray<Call> => {
    if (stage === 3) {
      const left = summary?.stage3?.status === "completed" ? 0 : Math.max(0, drafted - done)
      return Array.from({ length: left }, () => call(3))
    }
    return summary?.[`stage${stage}`]?.status === "completed" ? [] : [call(stage)]
  })
})

/** Calls one after the other: those of Stages 1 and 2, then the steps, some at a time. */
const roundsOf = (calls: ReadonlyArray<Call>, atOnce: number): number => {
  const steps = calls.filter(({ stage }) => stage === 3).length
  return calls.length - steps + Math.ceil(steps / atOnce)
}

/** Adds up what the given videos will take, without asking a model or writing a file. */
export const expect = Effect.fn("DryRun.expect")(function* (
  files: ReadonlyArray<string>,
  settings: RunSettings,
  model: { readonly name: string; readonly price: Price | undefined; readonly limits: GateLimits },
) {
  const prompts = yield* loadPrompts(annotationSchemas[settings.annotationSchema])
  const values = {
    frame_count: "50",
    boundary_max: "51",
    step_count: "5",
    steps: "",
    high_level_goal: "",
    draft_step: "",
  }
  const perVideo = yield* Effect.forEach(files, (file) => callsFor(file, settings), { concurrency: 2 })
  const calls = perVideo.flat()
  const usages = calls.map(({ stage, width, height }) => {
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
      ...noUsage,
      prompt_tokens: promptTokens(model.name, request),
      completion_tokens: firstAnswer[stages[stage]],
    }
  })
  const sum = (field: "prompt_tokens" | "completion_tokens") =>
    usages.reduce((all, usage) => all + usage[field], 0)
  const total = {
    ...noUsage,
    prompt_tokens: sum("prompt_tokens"),
    completion_tokens: sum("completion_tokens"),
  }
  const { rpm = Number.POSITIVE_INFINITY, tpm = Number.POSITIVE_INFINITY } = model.limits
  const atOnce = Math.min(settings.stepConcurrency, model.limits.maxInFlight ?? Number.POSITIVE_INFINITY)
  const rounds = perVideo.reduce((sum, video) => sum + roundsOf(video, atOnce), 0)
  const seconds = Math.max(
    rounds * assumedLatencySec,
    (calls.length / rpm) * 60,
    ((total.prompt_tokens + total.completion_tokens) / tpm) * 60,
  )
  return {
    videos: files.length,
    calls: calls.length,
    images: calls.length * settings.maxFrames,
    promptTokens: total.prompt_tokens,
    completionTokens: total.completion_tokens,
    costUsd: costOf(model.price, total),
    seconds,
  } satisfies Expectation
})
