import { fingerprint, sha256 } from "../plan/fingerprint.ts"
import type { RequestLabel } from "./request-label.ts"
import type { ApiConfig, ModelRequest } from "./VisionModel.ts"

export const labelOf = ({ videoId, task, attempt }: ModelRequest): RequestLabel => ({
  video: videoId,
  stage: task.stageNumber,
  step: task.step ?? null,
  attempt,
})

/** Digests of the parts of a request that decide its answer. Pictures by their content, never the key. */
export interface RequestParts {
  readonly model: string
  readonly temperature: number | null
  readonly max_tokens: number | null
  readonly system: string
  readonly prompt: string
  readonly images: ReadonlyArray<string>
  readonly turns: string
  /** What else is set and decides the answer; absent if nothing is. */
  readonly parameters?: string
}

/** Settings that are sent with every request beside those that have a part of their own. */
const parameterNames = ["reasoning_effort", "detail", "send_max_side_px", "send_quality"] as const

export const partsOf = (config: ApiConfig, request: ModelRequest): RequestParts => {
  const set = parameterNames.flatMap((name) => (config[name] === undefined ? [] : [[name, config[name]]]))
  return {
    model: config.model,
    temperature: config.temperature ?? null,
    max_tokens: request.maxTokens ?? config.max_tokens ?? null,
    system: sha256(request.system),
    prompt: sha256(request.prompt),
    images: request.images.map(({ label, sha256: digest }) =>
      label === undefined ? digest : `${label}:${digest}`,
    ),
    turns: sha256(JSON.stringify(request.turns)),
    ...(set.length === 0 ? {} : { parameters: JSON.stringify(Object.fromEntries(set)) }),
  }
}

/** Two requests with one digest are the same request, whenever and by whichever run they are made. */
export const requestDigest = (config: ApiConfig, request: ModelRequest): string =>
  fingerprint(partsOf(config, request))

/** Names of the parts in which two requests differ. */
export const differingParts = (a: RequestParts, b: RequestParts): ReadonlyArray<keyof RequestParts> =>
  (
    ["model", "temperature", "max_tokens", "system", "prompt", "images", "turns", "parameters"] as const
  ).filter((part) => JSON.stringify(a[part]) !== JSON.stringify(b[part]))
