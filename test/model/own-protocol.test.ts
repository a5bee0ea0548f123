import { expect, setDefaultTimeout, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Either, Redacted } from "effect"
import * as v from "valibot"
import { type Completion, Layers, lazyJson, ModelError, type Protocol, VisionModel } from "../../src/index.ts"
import { runFolder } from "../support/folders.ts"
import { strictRequest } from "../support/model-call.ts"
import { startWireServer } from "../support/wire-server.ts"

setDefaultTimeout(60_000)

const answerSchema = v.object({
  model: v.string(),
  message: v.object({ content: v.string() }),
  done_reason: v.optional(v.string(), "stop"),
  prompt_eval_count: v.number(),
  eval_count: v.number(),
})

const completionIn = (body: unknown): Completion | undefined => {
  const parsed = v.safeParse(answerSchema, body)
  if (!parsed.success) return undefined
  const { model, message, done_reason, prompt_eval_count, eval_count } = parsed.output
  return {
    text: message.content,
    finish: done_reason === "length" ? "length" : "complete",
    finishReason: done_reason,
    refusal: undefined,
    reasoning: "",
    model,
    usage: {
      prompt_tokens: prompt_eval_count,
      cached_tokens: null,
      completion_tokens: eval_count,
      reasoning_tokens: null,
    },
  }
}

/** Ollama's own protocol: pictures beside the text of a message, and a schema as the format. Answers in one piece. */
const ollama: Protocol = {
  name: "ollama",
  pathPattern: /\/api\/chat$/u,
  tokenLimits: ["num_predict"],
  formats: ["json_schema", "json_object"],
  authorize: (key) => ({ "x-own-key": key }),
  encode: (model, { system, prompt, images, turns, schema }, { temperature, maxTokens }) => ({
    path: "/api/chat",
    headers: { "x-own-version": "3" },
    body: lazyJson(images, (slot) => ({
      model,
      messages: [
        { role: "system", content: system },
        { role: "user", content: prompt, images: images.map((_, index) => slot(index)) },
        ...turns.map(({ role, text }) => ({ role, content: text })),
      ],
      stream: false,
      format: schema?.json ?? "json",
      options: { temperature, num_predict: maxTokens },
    })),
  }),
  decode: {
    noun: "chat answer",
    mark: '"message"',
    whole: completionIn,
    stream: () => ({
      add: () => undefined,
      isEnded: () => false,
      length: () => 0,
      completion: () => {
        throw new Error("answers of this protocol come in one piece")
      },
    }),
  },
  classify: ({ status, text }, redact) =>
    status === 503
      ? new ModelError({ reason: "Throttled", status, message: redact(text), retryAfterMs: 1 })
      : new ModelError({ reason: "Rejected", rejection: "bad_request", status, message: redact(text) }),
  limits: (headers) => ({ rpm: Number(headers.get("x-own-rpm") ?? 600) }),
}

test("a protocol from outside is bounded, repeated, read and paid for by the same client", async () => {
  const path = join(runFolder(), "picture.jpg")
  writeFileSync(path, Buffer.from("not a picture, but its bytes are sent"))
  const picture = { path, bytes: Bun.file(path).size, sha256: "0".repeat(64), width: 8, height: 8 }
  const seen: Array<{ url: string | undefined; key: unknown; version: unknown; body: unknown }> = []
  await using server = await startWireServer(({ request, response, body, number }) => {
    const { "x-own-key": key, "x-own-version": version } = request.headers
    seen.push({ url: request.url, key, version, body: JSON.parse(body) })
    if (number === 1) return void response.writeHead(503).end("come again")
    response.setHeader("x-own-rpm", "1200")
    response.end(
      JSON.stringify({ model: "own", message: { content: "{}" }, prompt_eval_count: 700, eval_count: 3 }),
    )
  })
  const model = Layers.service({
    protocol: ollama,
    apiBase: server.url,
    apiKey: Redacted.make("own-secret-0123456789"),
    model: "own",
    maxTokens: 50,
    temperature: 0,
    callRetries: 1,
    callRetryBackoffSec: 0,
    price: { in: 1, out: 2 },
  })
  const { reply, load, config } = await Effect.gen(function* () {
    const { complete, config, load = Effect.succeed(undefined) } = yield* VisionModel
    const reply = yield* Effect.either(complete({ ...strictRequest, images: [picture] }))
    return { reply, config, load: yield* load }
  }).pipe(Effect.provide(model), Effect.runPromise)

  expect(Either.getOrThrow(reply)).toMatchObject({
    text: "{}",
    transportAttempts: 2,
    costUsd: (700 * 1 + 3 * 2) / 1e6,
  })
  expect(load).toMatchObject({ rpm: 1200, inFlight: 0 })
  expect(config).toMatchObject({ kind: "ollama", model: "own" })
  expect(seen).toHaveLength(2)
  expect(seen[1]).toEqual({
    url: "/v1/api/chat",
    key: "own-secret-0123456789",
    version: "3",
    body: {
      model: "own",
      messages: [
        { role: "system", content: "system" },
        {
          role: "user",
          content: "# Task: draft",
          images: [Buffer.from("not a picture, but its bytes are sent").toString("base64")],
        },
      ],
      stream: false,
      format: strictRequest.schema?.json,
      options: { temperature: 0, num_predict: 50 },
    },
  })
})
