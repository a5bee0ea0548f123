import { join, resolve } from "node:path"
import { Effect } from "effect"
import * as v from "valibot"
import type { RunSettings, StageNumber } from "./config.ts"
import { layout, type VideoFolder, videoFolder, videoId } from "./dataset/layout.ts"
import type { Outcome } from "./dataset/records.ts"
import { readJson } from "./dataset/store.ts"
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

/** Whether an answer is on record, and what was received and written is still there. Nothing is read for that. */
const isDone = (folder: VideoFolder, outcome: Outcome | undefined, files: ReadonlyArray<string>) =>
  outcome?.status !== "completed" && outcome?.answered !== true
    ? Effect.succeed(false)
    : Effect.every(files, (file) => Effect.promise(() => Bun.file(join(folder.root, file)).exists()))

/** Steps of the plan on disk; undefined if there is none. */
const draftedSteps = (folder: VideoFolder) =>
  Effect.map(readJson(join(folder.stage1, layout.stage1.draft)), (json) => {
    const parsed = v.safeParse(v.object({ steps: v.array(v.unknown()) }), json)
    return parsed.success ? parsed.output.steps.length : undefined
  })

/** The calls a video still needs. What follows from an answer that is missing is counted as missing too. */
const callsFor = Effect.fn("DryRun.calls")(function* (file: string, settings: RunSettings) {
  const source = yield* (yield* VideoDecoder).probe(file)
  const folder = videoFolder(resolve(settings.outputRoot), videoId(file))
  const summary = settings.overwrite ? undefined : yield* readSummary(summaryPath(folder))
  const { displayWidth: width, displayHeight: height } = source
  const { stage1, stage2, stage3 } = summary ?? {}
  const isDrafted = yield* isDone(folder, stage1, stage1 ? [stage1.draft_plan, stage1.raw_response] : [])
  const isLocalized =
    isDrafted && (yield* isDone(folder, stage2, stage2 ? [stage2.localization_raw, stage2.raw_response] : []))
  const refined = isLocalized
    ? yield* Effect.filter(stage3?.steps ?? [], (step) =>
        isDone(folder, step, [step.step_final, step.raw_response]),
      )
    : []
  const steps = (isDrafted ? yield* draftedSteps(folder) : undefined) ?? assumedSteps
  const left = { 1: isDrafted ? 0 : 1, 2: isLocalized ? 0 : 1, 3: Math.max(0, steps - refined.length) }
  return settings.stages.flatMap(
    (stage): ReadonlyArray<Call> => Array.from({ length: left[stage] }, () => ({ stage, width, height })),
  )
})

/** Calls of one video one after the other: those of Stages 1 and 2, then the steps, some at a time. */
const roundsOf = (calls: ReadonlyArray<Call>, atOnce: number): number => {
  const steps = calls.filter(({ stage }) => stage === 3).length
  return calls.length - steps + Math.ceil(steps / atOnce)
}

/** Adds up what the given videos will take, without asking a model or writing a file. */
export const expect = Effect.fn("DryRun.expect")(function* (
  files: ReadonlyArray<string>,
  settings: RunSettings,
  model: { readonly name: string; readonly price: Price | undefined; readonly limits: GateLimits },
  videoConcurrency: number,
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
  const { maxInFlight = Number.POSITIVE_INFINITY } = model.limits
  const each = perVideo.map((video) => roundsOf(video, Math.min(settings.stepConcurrency, maxInFlight)))
  const inLine = each.reduce((sum, rounds) => sum + rounds, 0)
  const rounds = Math.max(
    ...each,
    Math.ceil(inLine / videoConcurrency),
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
    promptTokens: total.prompt_tokens,
    completionTokens: total.completion_tokens,
    costUsd: costOf(model.price, total),
    seconds,
  } satisfies Expectation
})
