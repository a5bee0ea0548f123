import { serveLoopback } from "../loopback.ts"
import { type Conversation, readConversation } from "./conversation.ts"
import { makeMeter } from "./meter.ts"
import { makeMind } from "./mind.ts"
import { dollars, type Metered, type VendorModel } from "./rules.ts"

/** One call as it stands on the bill. */
export interface Billed extends Metered {
  readonly dollars: number
  readonly isReAsk: boolean
}

const chatAnswer = (text: string, { fresh, output, read, written }: Metered, tier: string | undefined) => ({
  model: "loopback",
  choices: [{ finish_reason: "stop", message: { role: "assistant", content: text } }],
  usage: {
    prompt_tokens: fresh + read + written,
    completion_tokens: output,
    prompt_tokens_details: { cached_tokens: read, cache_write_tokens: written },
  },
  ...(tier === undefined ? {} : { service_tier: tier }),
})

const responsesAnswer = (
  text: string,
  { fresh, output, read, written }: Metered,
  tier: string | undefined,
) => ({
  model: "loopback",
  status: "completed",
  output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text }] }],
  usage: {
    input_tokens: fresh + read + written,
    output_tokens: output,
    input_tokens_details: { cached_tokens: read, cache_write_tokens: written },
  },
  ...(tier === undefined ? {} : { service_tier: tier }),
})

const anthropicAnswer = (text: string, { fresh, output, read, written }: Metered) => ({
  type: "message",
  role: "assistant",
  model: "loopback",
  content: [{ type: "text", text }],
  stop_reason: "end_turn",
  usage: {
    input_tokens: fresh,
    cache_read_input_tokens: read,
    cache_creation_input_tokens: written,
    output_tokens: output,
  },
})

const geminiAnswer = (text: string, { fresh, output, read, written }: Metered) => ({
  modelVersion: "loopback",
  candidates: [{ content: { role: "model", parts: [{ text }] }, finishReason: "STOP" }],
  usageMetadata: {
    promptTokenCount: fresh + read + written,
    cachedContentTokenCount: read,
    candidatesTokenCount: output,
  },
})

const answerIn = {
  chat: chatAnswer,
  responses: responsesAnswer,
  anthropic: anthropicAnswer,
  gemini: geminiAnswer,
} as const

/** Where each protocol is asked, below the server's root. */
const bases = { chat: "/v1", responses: "/v1", anthropic: "/v1", gemini: "/v1beta" } as const

/** What a vendor answers to a body, and puts on the bill. */
export const makeVendor = (model: VendorModel, seed: number) => {
  const mind = makeMind(seed)
  const meter = makeMeter(model)
  const bill: Array<Billed> = []
  const answer = (body: string, path: string, isBatch = false): object => {
    const said: Conversation = readConversation[model.protocol](body, path)
    const text = mind(said)
    const metered = meter(said, text)
    const isHalf = isBatch || said.tier === "flex"
    bill.push({
      ...metered,
      dollars: dollars(model.name, metered, isHalf),
      isReAsk: said.turns.length > 0,
    })
    return answerIn[model.protocol](text, metered, said.tier)
  }
  return { answer, bill }
}

/** A server on loopback that answers as a vendor's model does, and charges by the vendor's rules. */
export const startVendor = (model: VendorModel, seed: number) => {
  const { answer, bill } = makeVendor(model, seed)
  const { stop, url } = serveLoopback(async (request) =>
    Response.json(answer(await request.text(), new URL(request.url).pathname)),
  )
  return { url: `${url}${bases[model.protocol]}`, bill, stop }
}
