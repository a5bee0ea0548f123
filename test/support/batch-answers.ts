import type { HandedIn } from "./batch-server.ts"
import { goodAnswer, stageOf } from "./chat-server.ts"

/** What an answer took, as a service counts it. */
export interface ServedUsage {
  readonly prompt: number
  readonly completion: number
}

const usual: ServedUsage = { prompt: 1000, completion: 200 }

const userOf = ({ body }: HandedIn): string => {
  const content = body.messages.find(({ role }) => role === "user")?.content ?? ""
  return typeof content === "string" ? content : (content.find(({ type }) => type === "text")?.text ?? "")
}

/** What the model would say to a line. */
export const answerTo = (line: HandedIn, steps: number): string => {
  const prompt = userOf(line)
  return JSON.stringify(goodAnswer(prompt, stageOf(prompt), "structured", steps))
}

/** An answer as each service puts it. */
export const answerFrom = {
  openai: (text: string, { completion, prompt }: ServedUsage = usual) => ({
    id: "chatcmpl-1",
    object: "chat.completion",
    model: "loopback-vlm",
    choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: text } }],
    usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
  }),
  anthropic: (text: string, { completion, prompt }: ServedUsage = usual) => ({
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "loopback-vlm",
    content: [{ type: "text", text }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: {
      input_tokens: prompt,
      output_tokens: completion,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
    },
  }),
} as const
