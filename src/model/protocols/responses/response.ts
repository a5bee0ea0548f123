import * as v from "valibot"
import { type Completion, completionOf, textIn } from "../completion.ts"
import { anything, ifFits } from "../lenient.ts"
import type { Assembly } from "../Protocol.ts"
import { readUsage } from "../usage.ts"

const itemSchema = v.object({
  type: anything,
  content: ifFits(v.array(v.unknown())),
  summary: ifFits(v.array(v.unknown())),
})

const responseSchema = v.object({
  object: v.optional(v.literal("response")),
  status: anything,
  model: anything,
  output: v.array(ifFits(itemSchema)),
  incomplete_details: ifFits(v.object({ reason: anything })),
  error: ifFits(v.object({ code: anything })),
  usage: anything,
  service_tier: anything,
})
type ResponseBody = v.InferOutput<typeof responseSchema>

const partSchema = v.object({ type: v.string(), text: anything, refusal: anything })

/** The texts of all parts of one type. */
const textsOf = (parts: ReadonlyArray<unknown> | undefined, type: string, name: "text" | "refusal"): string =>
  (parts ?? [])
    .map((part) => {
      const parsed = v.safeParse(partSchema, part)
      return parsed.success && parsed.output.type === type ? textIn(parsed.output[name]) : ""
    })
    .join("")

/** How a response ended, as its status or as why it is not complete; undefined as long as it goes on. */
const finishOfResponse = ({ status, incomplete_details, error }: ResponseBody): string | undefined => {
  if (status === "incomplete") return textIn(incomplete_details?.reason) || "incomplete"
  if (status === "failed") return `failed: ${textIn(error?.code) || "no reason given"}`
  return status === "queued" || status === "in_progress" ? undefined : textIn(status) || undefined
}

const completionIn = (response: ResponseBody): Completion => {
  const messages = response.output.filter((item) => item?.type === "message")
  const thoughts = response.output.filter((item) => item?.type === "reasoning")
  const joined = (type: string, name: "text" | "refusal") =>
    messages.map((item) => textsOf(item?.content, type, name)).join("")
  return completionOf({
    content: joined("output_text", "text"),
    refusal: joined("refusal", "refusal"),
    reasoning: thoughts.map((item) => textsOf(item?.summary, "summary_text", "text")).join(""),
    finishReason: finishOfResponse(response),
    model: response.model,
    usage: readUsage(response.usage),
    serviceTier: response.service_tier,
  })
}

/** Reads a body as a response; undefined if it is none. */
export const parseResponse = (body: unknown): Completion | undefined => {
  const parsed = v.safeParse(responseSchema, body)
  return parsed.success ? completionIn(parsed.output) : undefined
}

const eventSchema = v.object({ type: v.string(), delta: anything, response: anything })

/** The last event of a stream, which holds the whole response. */
const isLast = (type: string): boolean => /^response\.(?:completed|incomplete|failed|cancelled)$/u.test(type)

/** A response that comes as events; the last one holds all of it. */
export const assembleResponse = (): Assembly => {
  let text = ""
  let reasoning = ""
  let refusal = ""
  let last: ResponseBody | undefined
  return {
    add: (event) => {
      const parsed = v.safeParse(eventSchema, event)
      if (!parsed.success) return
      const { type, delta, response } = parsed.output
      if (type === "response.output_text.delta") text += textIn(delta)
      if (type === "response.refusal.delta") refusal += textIn(delta)
      if (/^response\.reasoning(?:_summary)?_text\.delta$/u.test(type)) reasoning += textIn(delta)
      const whole = isLast(type) ? v.safeParse(responseSchema, response) : undefined
      if (whole?.success === true) last = whole.output
    },
    isEnded: () => last !== undefined,
    length: () => text.length + reasoning.length + refusal.length,
    completion: () => {
      const whole = last === undefined ? undefined : completionIn(last)
      // Some servers leave what they have streamed out of the last event.
      const pieces = completionOf({
        content: text,
        refusal,
        reasoning,
        finishReason: whole?.finishReason,
        model: whole?.model,
        usage: whole?.usage,
        serviceTier: whole?.serviceTier,
      })
      return whole === undefined || (whole.text === "" && whole.refusal === undefined) ? pieces : whole
    },
  }
}
