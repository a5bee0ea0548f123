import type { ModelFamily } from "../families.ts"
import type { Protocol, WordParameter } from "../protocols/Protocol.ts"
import type { RequestParameter } from "../VisionModel.ts"
import type { Wanted } from "./parameters.ts"
import { defaultTemperature, type ServiceSettings } from "./settings.ts"

/** Parameters that take one of several words: how a user sets them, and what they are called in messages and on record. */
const wordParameters: Readonly<
  Record<WordParameter, { readonly flag: string; readonly noun: string; readonly recorded: RequestParameter }>
> = {
  effort: { flag: "--reasoning-effort", noun: "reasoning effort", recorded: "reasoning_effort" },
  detail: { flag: "--detail", noun: "image detail", recorded: "detail" },
  serviceTier: { flag: "--service-tier", noun: "service tier", recorded: "service_tier" },
}

/** What does not take a word, as the beginning of a sentence; undefined if it does. */
const refusalOf = (
  who: string,
  noun: string,
  value: string,
  among: ReadonlyArray<string> | undefined,
): string | undefined => {
  if (among === undefined || among.includes(value)) return undefined
  return among.length === 0 ? `${who} takes no ${noun}` : `${who} takes ${noun} ${among.join(", ")} only`
}

/** One of several words, if both protocol and family take it; `sentence` says that one of them does not. */
const taken = (
  name: WordParameter,
  value: string | undefined,
  protocol: Protocol,
  family: ReadonlyArray<string> | undefined,
): { readonly value?: string; readonly sentence?: string; readonly leftOut?: RequestParameter } => {
  if (value === undefined) return {}
  const { flag, noun, recorded } = wordParameters[name]
  const refusal =
    refusalOf(`the protocol ${protocol.name}`, noun, value, protocol.words?.[name]) ??
    refusalOf("the model", noun, value, family)
  return refusal === undefined
    ? { value }
    : { sentence: `${refusal}: ${flag} ${value} is not sent`, leftOut: recorded }
}

/**
 * What is to be sent, as far as the protocol and the model's family take it.
 *
 * @returns also a sentence for everything that was asked for and is not sent; what is only a default goes without saying
 */
export const wantedOf = (
  settings: ServiceSettings,
  protocol: Protocol,
  family: ModelFamily,
): { readonly wanted: Wanted; readonly unsupported: ReadonlyArray<string> } => {
  const { temperature, maxTokens, responseFormat = "auto" } = settings
  const effort = taken("effort", settings.reasoningEffort, protocol, family.efforts)
  const detail = taken("detail", settings.detail, protocol, family.details)
  const serviceTier = taken("serviceTier", settings.serviceTier, protocol, undefined)
  const words = [effort, detail, serviceTier]
  const small = family.detail_of_small
  const mayAsk = settings.detail === undefined && small !== undefined
  const takesSmall = mayAsk && protocol.words?.detail?.includes(small.detail) === true
  const isUnsupported = temperature !== undefined && family.temperature === false
  return {
    wanted: {
      temperature: temperature ?? defaultTemperature,
      maxTokens,
      effort: effort.value,
      detail: detail.value,
      ...(takesSmall ? { detailOfSmall: small } : {}),
      serviceTier: serviceTier.value,
      unsupported: words.map(({ leftOut }) => leftOut).filter((name) => name !== undefined),
    },
    unsupported: [
      ...(isUnsupported ? [`the model takes no temperature: --temperature ${temperature} is not sent`] : []),
      ...(responseFormat === "auto" || protocol.formats.includes(responseFormat)
        ? []
        : [
            `the protocol ${protocol.name} has no --response-format ${responseFormat}: answers are not held to a form`,
          ]),
      ...words.map(({ sentence }) => sentence).filter((sentence) => sentence !== undefined),
    ],
  }
}
