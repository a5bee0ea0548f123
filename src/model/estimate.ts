import { type PictureTokens, textTokens } from "./tokens.ts"
import type { ModelRequest, ModelTask, ModelUsage } from "./VisionModel.ts"

/** Estimates what a request will take and learns from what it took. */
export interface Estimator {
  /** What it may take, for budgets: until answers were seen, by what is usual. */
  readonly estimate: (request: ModelRequest) => ModelUsage
  /** Tokens to be reserved of a rate limit: an answer that turns out longer is settled afterwards. */
  readonly reserved: (request: ModelRequest, estimate: ModelUsage) => number
  readonly learn: (request: ModelRequest, counted: ModelUsage) => void
}

/** Tokens reserved of a rate limit for a first answer. */
const firstReserve = 500
/** Weight of the newest answer once many were seen; the first ones count for more. */
const leastWeight = 0.2

/** Prompt tokens of a request by the model's own way of counting pictures, before calibration. */
export const promptTokens = (
  { system, prompt, images, turns }: Pick<ModelRequest, "system" | "prompt" | "images" | "turns">,
  pictureTokens: PictureTokens,
): number =>
  textTokens(system) +
  textTokens(prompt) +
  turns.reduce((sum, turn) => sum + textTokens(turn.text), 0) +
  images.reduce((sum, image) => sum + pictureTokens(image) + textTokens(image.label ?? ""), 0)

export const makeEstimator = (maxTokens: number | undefined, pictureTokens: PictureTokens): Estimator => {
  /** Prompt tokens counted for one of ours. Each stage has its own: its share of text and of pictures is another. */
  const ratios = new Map<string, number>()
  const answers = new Map<string, { readonly seen: number; readonly tokens: number }>()
  const answersTo = ({ stage, answerTokens }: ModelTask) =>
    answers.get(stage) ?? { seen: 0, tokens: answerTokens }
  /** Of a stage that is not seen yet the highest of the others, so that a budget is rather kept too early than too late. */
  const ratioOf = (stage: string): number =>
    ratios.get(stage) ?? (ratios.size === 0 ? 1 : Math.max(...ratios.values()))
  return {
    estimate: (request) => {
      const limit = request.maxTokens ?? maxTokens ?? Number.POSITIVE_INFINITY
      return {
        prompt_tokens: Math.ceil(promptTokens(request, pictureTokens) * ratioOf(request.task.stage)),
        cached_tokens: 0,
        completion_tokens: Math.ceil(Math.min(limit, answersTo(request.task).tokens)),
        reasoning_tokens: null,
      }
    },
    reserved: ({ task }, { prompt_tokens, completion_tokens }) =>
      (prompt_tokens ?? 0) + (answersTo(task).seen > 0 ? (completion_tokens ?? 0) : firstReserve),
    learn: (request, counted) => {
      const { stage } = request.task
      const { seen, tokens } = answersTo(request.task)
      const weight = Math.max(leastWeight, 1 / (seen + 1))
      const own = promptTokens(request, pictureTokens)
      // By our own count, not by the estimate: between that and the answer others may have corrected the ratio.
      if (counted.prompt_tokens !== null && own > 0) {
        const right = counted.prompt_tokens / own
        ratios.set(stage, (ratios.get(stage) ?? right) * (1 - weight) + right * weight)
      }
      const taken = counted.completion_tokens
      const corrected = taken === null ? tokens : tokens * (1 - weight) + taken * weight
      answers.set(stage, { seen: seen + 1, tokens: corrected })
    },
  }
}
