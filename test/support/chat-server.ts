import * as v from "valibot"
import type { AnnotationSchemaName } from "../../src/plan/schemas.ts"
import { draftReply, type Json, localizationReply, refinedReply } from "./replies.ts"

const part = v.variant("type", [
  v.object({ type: v.literal("text"), text: v.string() }),
  v.object({ type: v.literal("image_url"), image_url: v.object({ url: v.string() }) }),
])

const chatRequest = v.object({
  model: v.string(),
  temperature: v.optional(v.number()),
  max_tokens: v.optional(v.number()),
  stream: v.optional(v.boolean(), false),
  response_format: v.optional(v.object({ type: v.string() })),
  messages: v.array(
    v.object({
      role: v.picklist(["system", "user", "assistant"]),
      content: v.union([v.string(), v.array(part)]),
    }),
  ),
})

/** One request as the server saw it. */
export interface SeenCall {
  /** 1-based, over all requests. */
  readonly number: number
  readonly stage: 1 | 2 | 3
  /** The step a Stage 3 request is about. */
  readonly stepId: number | undefined
  readonly system: string
  readonly prompt: string
  /** Pictures in order, decoded from their data URLs. */
  readonly images: ReadonlyArray<Uint8Array>
  /** Texts between the pictures. */
  readonly labels: ReadonlyArray<string>
  /** Messages after the first user message. */
  readonly turns: ReadonlyArray<{ readonly role: string; readonly text: string }>
  readonly headers: Headers
  readonly model: string
  readonly temperature: number | undefined
  readonly maxTokens: number | undefined
  readonly stream: boolean
  readonly responseFormat: string
  /** The body as it came in. */
  readonly raw: string
}

/** What to answer: the text of a completion, or a whole HTTP response. */
export type Behaviour = (call: SeenCall, good: string) => string | Response | Promise<string | Response>

export interface ChatServer extends AsyncDisposable {
  readonly url: string
  readonly calls: ReadonlyArray<SeenCall>
  /** Highest number of requests that were open at once. */
  readonly mostAtOnce: () => number
}

/** Whether a prompt is about one look at a border. */
export const isBorder = (prompt: string): boolean => prompt.startsWith("# Task: find the moment")

/** The number of the reading that a prompt asks for; 1 if it is none of several. */
export const readingOf = (prompt: string): number =>
  Number(/^This is reading (\d+) /mu.exec(prompt)?.[1] ?? 1)

/** Whether a prompt asks whether a step is completed in its clip. */
export const isCheck = (prompt: string): boolean => prompt.startsWith("# Task: check whether one step")

/** Whether a prompt asks how a step ends. */
export const asksOutcome = (prompt: string): boolean => prompt.includes("# Outcome of the step")

/** The stage that a prompt is of, in the languages of the project's prompts and examples. */
export const stageOf = (prompt: string): 1 | 2 | 3 => {
  if (/^# (?:Task: draft|任务：起草)/u.test(prompt)) return 1
  return /^# (?:Task: locate|任务：在视频中定位)/u.test(prompt) || isBorder(prompt) ? 2 : 3
}

const draftOf = (prompt: string): Json => JSON.parse(/```json\n([\s\S]*?)\n```/u.exec(prompt)?.[1] ?? "{}")

/** The answer of a well-behaved model, taken from the request itself. */
export const goodAnswer = (
  prompt: string,
  stage: 1 | 2 | 3,
  annotation: AnnotationSchemaName,
  steps: number,
): Json => {
  const frames = Number(/(?:You see|你看到) (\d+) /u.exec(prompt)?.[1] ?? 0)
  if (isBorder(prompt)) return { answer: "frame", frame_index: 1 + Math.ceil(frames / 2) }
  if (isCheck(prompt)) return { completed: "yes", differs: "" }
  if (stage === 1) return draftReply(annotation, steps)
  if (stage === 2) return localizationReply(steps, frames)
  const refined = refinedReply(annotation, draftOf(prompt), [2, Math.max(3, frames - 1)])
  return asksOutcome(prompt) ? { ...refined, outcome: "succeeded" } : refined
}

/** A chat completion as services send it. */
export const completion = (content: string, finish = "stop", completionTokens = 200): Response =>
  Response.json({
    id: "chatcmpl-1",
    object: "chat.completion",
    model: "loopback-vlm",
    choices: [{ index: 0, finish_reason: finish, message: { role: "assistant", content } }],
    usage: {
      prompt_tokens: 1000,
      completion_tokens: completionTokens,
      total_tokens: 1000 + completionTokens,
    },
  })

const chunk = (delta: object, finish: string | null, usage: object | null = null): string =>
  `data: ${JSON.stringify({ object: "chat.completion.chunk", model: "loopback-vlm", choices: [{ index: 0, delta, finish_reason: finish }], usage })}\n\n`

/** A streamed completion. Without `finish` it breaks off before its end; with `stall` it goes silent instead. */
export const streamed = (
  content: string,
  options: { finish?: string | null; stall?: boolean } = {},
): Response => {
  const { finish = "stop", stall = false } = options
  const pieces = content.match(/[\s\S]{1,40}/gu) ?? []
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      const send = (text: string) => controller.enqueue(new TextEncoder().encode(text))
      for (const piece of pieces) send(chunk({ content: piece }, null))
      if (stall) return
      if (finish !== null) {
        send(chunk({}, finish))
        send(chunk({}, null, { prompt_tokens: 1000, completion_tokens: 200, total_tokens: 1200 }))
        send("data: [DONE]\n\n")
      }
      controller.close()
    },
  })
  return new Response(body, { headers: { "content-type": "text/event-stream" } })
}

const textOf = (content: v.InferOutput<typeof chatRequest>["messages"][number]["content"]): string =>
  typeof content === "string"
    ? content
    : content.flatMap((item) => (item.type === "text" ? [item.text] : [])).join("\n")

const seen = (number: number, raw: string, headers: Headers): SeenCall => {
  const body = v.parse(chatRequest, JSON.parse(raw))
  const [system, user, ...turns] = body.messages
  const parts = typeof user?.content === "string" ? [] : (user?.content ?? [])
  const texts = parts.flatMap((item) => (item.type === "text" ? [item.text] : []))
  const [prompt = "", ...labels] = texts
  const stage = stageOf(prompt)
  return {
    number,
    stage,
    stepId: stage === 3 ? Number(draftOf(prompt).step_id) : undefined,
    system: system === undefined ? "" : textOf(system.content),
    prompt,
    images: parts.flatMap((item) =>
      item.type === "image_url"
        ? [Buffer.from(item.image_url.url.replace("data:image/jpeg;base64,", ""), "base64")]
        : [],
    ),
    labels,
    turns: turns.map(({ role, content }) => ({ role, text: textOf(content) })),
    headers,
    model: body.model,
    temperature: body.temperature,
    maxTokens: body.max_tokens,
    stream: body.stream,
    responseFormat: body.response_format?.type ?? "none",
    raw,
  }
}

/**
 * A real HTTP server on loopback that speaks the chat-completions API. Answers well unless `behave` says otherwise.
 */
export const startChatServer = (
  options: {
    readonly annotation?: AnnotationSchemaName
    readonly steps?: number
    readonly behave?: Behaviour
  } = {},
): ChatServer => {
  const { annotation = "structured", steps = 5, behave = (_call, good) => good } = options
  const calls: Array<SeenCall> = []
  let open = 0
  let most = 0
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: async (request) => {
      if (new URL(request.url).pathname !== "/v1/chat/completions")
        return new Response("not found", { status: 404 })
      open++
      most = Math.max(most, open)
      try {
        const raw = await request.text()
        const call = seen(calls.length + 1, raw, request.headers)
        calls.push(call)
        const good = JSON.stringify(goodAnswer(call.prompt, call.stage, annotation, steps))
        const answer = await behave(call, good)
        if (typeof answer !== "string") return answer
        return call.stream ? streamed(answer) : completion(answer)
      } finally {
        open--
      }
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}/v1`,
    calls,
    mostAtOnce: () => most,
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}
