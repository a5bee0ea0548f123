import type { ModelFamily } from "../families.ts"
import type { Protocol } from "../protocols/Protocol.ts"
import type { Wanted } from "./parameters.ts"
import { defaultTemperature, type ServiceSettings } from "./settings.ts"

/** One of several words, if it is among those that the family takes; `sentence` says that it is not. */
const taken = (
  value: string | undefined,
  among: ReadonlyArray<string> | undefined,
  { flag, noun }: { readonly flag: string; readonly noun: string },
): { readonly value?: string; readonly sentence?: string } => {
  if (value === undefined) return {}
  if (among === undefined || among.includes(value)) return { value }
  const why = among.length === 0 ? `takes no ${noun}` : `takes ${noun} ${among.join(", ")} only`
  return { sentence: `the model ${why}: ${flag} ${value} is not sent` }
}

/**
 * What is to be sent, as far as the model's family takes it.
 *
 * @returns also a sentence for everything that was asked for and is not sent; what is only a default goes without saying
 */
export const wantedOf = (
  settings: ServiceSettings,
  { formats, name }: Protocol,
  family: ModelFamily,
): { readonly wanted: Wanted; readonly untaken: ReadonlyArray<string> } => {
  const { temperature, maxTokens, reasoningEffort, serviceTier, responseFormat = "auto" } = settings
  const effort = taken(reasoningEffort, family.efforts, {
    flag: "--reasoning-effort",
    noun: "reasoning effort",
  })
  const detail = taken(settings.detail, family.details, { flag: "--detail", noun: "detail of pictures" })
  const isUntaken = temperature !== undefined && family.temperature === false
  return {
    wanted: {
      temperature: temperature ?? defaultTemperature,
      maxTokens,
      effort: effort.value,
      detail: detail.value,
      serviceTier,
      untaken: [
        ...(effort.sentence === undefined ? [] : ["reasoning_effort"]),
        ...(detail.sentence === undefined ? [] : ["detail"]),
      ],
    },
    untaken: [
      ...(isUntaken ? [`the model takes no temperature: --temperature ${temperature} is not sent`] : []),
      ...(responseFormat === "auto" || formats.includes(responseFormat)
        ? []
        : [
            `the protocol ${name} has no --response-format ${responseFormat}: answers are not held to a form`,
          ]),
      ...[effort.sentence, detail.sentence].filter((sentence) => sentence !== undefined),
    ],
  }
}
