import { describe, expect, setDefaultTimeout, test } from "bun:test"
import {
  brotliCompressSync,
  constants,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib"
import { Either } from "effect"
import type { ServiceSettings } from "../../../src/model/client/settings.ts"
import { readUsage } from "../../../src/model/protocols/usage.ts"
import type { ModelError, ModelReply } from "../../../src/model/VisionModel.ts"
import { startChatServer } from "../../support/chat-server.ts"
import { callModel } from "../../support/model-call.ts"

setDefaultTimeout(60_000)

const text = '{"goal": "Close the lid 盖"}'
const counted = { prompt_tokens: 1000, completion_tokens: 20 }
/** A busy machine may be late with a piece. */
const deadlines = { connectMs: 20_000, silenceMs: 20_000, totalMs: 40_000 }
/** For answers whose connection stays open. */
const impatient = { ...deadlines, silenceMs: 1000 }

/** A completion as services send it, with parts replaced. */
const body = (message: object = {}, more: object = {}, choice: object = {}): object => ({
  model: "loopback-vlm",
  choices: [
    { index: 0, finish_reason: "stop", message: { role: "assistant", content: text, ...message }, ...choice },
  ],
  usage: counted,
  ...more,
})

const json = (value: object, init: ResponseInit = {}): Response =>
  new Response(JSON.stringify(value), { headers: { "content-type": "application/json" }, ...init })

const chunk = (delta: object, finish: string | null = null, more: object = {}): string =>
  JSON.stringify({ model: "loopback-vlm", choices: [{ index: 0, delta, finish_reason: finish }], ...more })

/** A body that is sent in these pieces; `stays` keeps the connection open after them. */
const pieces = (parts: ReadonlyArray<string | Uint8Array>, type = "text/event-stream", stays = false) =>
  new Response(
    new ReadableStream<Uint8Array>({
      start: async (controller) => {
        for (const part of parts) {
          controller.enqueue(typeof part === "string" ? new TextEncoder().encode(part) : part)
          await Bun.sleep(0)
        }
        if (!stays) controller.close()
      },
    }),
    { headers: { "content-type": type } },
  )

const [first, second] = [text.slice(0, 9), text.slice(9)]
const ended = chunk({}, "stop", { usage: counted })

const against = async (answer: () => Response, settings: Partial<ServiceSettings> = {}) => {
  await using server = startChatServer({ behave: answer })
  const course = await callModel(server.url, { deadlines, ...settings })
  return { ...course, calls: server.calls.length }
}

/** Deadlines for an answer of a name that says whether its connection ends. */
const deadlinesFor = (name: string) => (/never ends|silent/u.test(name) ? impatient : deadlines)

const replyOf = (result: Either.Either<ModelReply, ModelError>): ModelReply => {
  if (Either.isLeft(result)) throw new Error(`expected a reply: ${result.left.message}`)
  return result.right
}

const errorOf = (result: Either.Either<ModelReply, ModelError>): ModelError => {
  if (Either.isRight(result)) throw new Error(`expected an error: ${result.right.text}`)
  return result.left
}

describe("a reply stays a reply", () => {
  const parts = (...content: ReadonlyArray<unknown>) => json(body({ content }))
  const bytes = Buffer.from(JSON.stringify(body()))
  const encoded = (encoding: string, data: Uint8Array<ArrayBuffer>) =>
    new Response(data, { headers: { "content-type": "application/json", "content-encoding": encoding } })
  test.each<[string, () => Response]>([
    ["with its content in one part", () => parts({ type: "text", text })],
    ["in several parts", () => parts({ type: "text", text: first }, { type: "text", text: second })],
    [
      "after a part of thinking",
      () => parts({ type: "thinking", thinking: [{ type: "text", text: "{}" }] }, { type: "text", text }),
    ],
    ["in parts of text alone", () => parts(first, second)],
    ["in parts of another name", () => parts({ type: "output_text", text })],
    ["in parts without a type", () => parts({ text })],
    ["as one part without a list", () => json(body({ content: { type: "text", text } }))],
    [
      "beside parts of other kinds",
      () => parts({ type: "image_url", image_url: {} }, null, 7, { type: "text", text }),
    ],
    ["with an empty refusal", () => json(body({ refusal: "" }))],
    ["with a blank refusal", () => json(body({ refusal: "  " }))],
    ["with a refusal that is no text", () => json(body({ refusal: false }))],
    ["without a content type", () => new Response(bytes)],
    ["as text/plain", () => new Response(bytes, { headers: { "content-type": "text/plain" } })],
    ["as text/html", () => new Response(bytes, { headers: { "content-type": "text/html" } })],
    [
      "as an event stream that is none",
      () => new Response(bytes, { headers: { "content-type": "text/event-stream" } }),
    ],
    ["after a byte order mark", () => new Response(`\uFEFF${bytes}`)],
    ["after blanks that keep a connection alive", () => pieces([" \n", "\n\n  ", bytes], "application/json")],
    [
      "byte by byte",
      () =>
        pieces(
          [...bytes].map((byte) => Uint8Array.of(byte)),
          "application/json",
        ),
    ],
    ["compressed with gzip", () => encoded("gzip", gzipSync(bytes))],
    ["compressed with deflate", () => encoded("deflate", deflateSync(bytes))],
    ["compressed with deflate alone, without its format", () => encoded("deflate", deflateRawSync(bytes))],
    ["stored by deflate alone", () => encoded("deflate", deflateRawSync(bytes, { level: 0 }))],
    [
      "compressed with deflate alone, by fixed codes",
      () => encoded("deflate", deflateRawSync(bytes, { strategy: constants.Z_FIXED })),
    ],
    ["compressed twice", () => encoded("gzip, gzip", gzipSync(gzipSync(bytes)))],
    ["compressed in two ways", () => encoded("deflate, br", brotliCompressSync(deflateSync(bytes)))],
    [
      "compressed thrice",
      () => encoded("br,X-GZIP , zstd", zstdCompressSync(gzipSync(brotliCompressSync(bytes)))),
    ],
    ["compressed, and as it is", () => encoded("identity, gzip", gzipSync(bytes))],
    ["compressed by its old name", () => encoded("x-gzip", gzipSync(bytes))],
    ["not compressed, as gzip", () => encoded("gzip", bytes)],
    ["not compressed, as deflate", () => encoded("deflate", bytes)],
    ["not compressed, as brotli", () => encoded("br", bytes)],
    ["not compressed, as zstd", () => encoded("zstd", bytes)],
    ["compressed once, as if twice", () => encoded("gzip, gzip", gzipSync(bytes))],
    [
      "compressed with gzip, byte by byte",
      () =>
        new Response(
          pieces(
            [...gzipSync(bytes)].map((byte) => Uint8Array.of(byte)),
            "application/json",
          ).body,
          { headers: { "content-encoding": "gzip" } },
        ),
    ],
    ["in a list of its own", () => json([body()])],
    ["in a list of pieces", () => new Response(`[${chunk({ content: text })},\r\n${ended}]`)],
    ["on a line of its own", () => new Response(`${JSON.stringify(body())}\n\n`)],
    ["over many lines", () => new Response(JSON.stringify(body(), null, 2))],
    ["with words after it", () => new Response(`${JSON.stringify(body())}\nserver closed`)],
    ["compressed with brotli", () => encoded("br", brotliCompressSync(bytes))],
    ["compressed with zstd", () => encoded("zstd", zstdCompressSync(bytes))],
    ["with an error that is null", () => json(body({}, { error: null }))],
    ["without a reason to end", () => json(body({}, {}, { finish_reason: null }))],
    ["with a reason of its own", () => json(body({}, {}, { finish_reason: "eos_token" }))],
    ["with a reason that is no word", () => json(body({}, {}, { finish_reason: 7 }))],
    ["with a model that is no name", () => json(body({}, { model: 7 }))],
    ["in the thinking alone", () => json(body({ content: null, reasoning_content: text }))],
    ["in the thinking, by its other name", () => json(body({ content: "", reasoning: text }))],
    ["whole, on a connection that never ends", () => pieces([bytes], "application/json", true)],
    ["with odd usage", () => json(body({}, { usage: [1, 2] }))],
    [
      "with a schema of usage that does not fit",
      () => json(body({}, { usage: { prompt_tokens_details: 3 } })),
    ],
    [
      "as a stream that was not asked for",
      () => pieces([`data: ${chunk({ content: text })}\n\n`, `data: ${ended}\n\n`]),
    ],
  ])("%s", async (name, answer) => {
    for (const stream of [false, true]) {
      const { result, kept } = await against(answer, { stream, deadlines: deadlinesFor(name) })
      expect(replyOf(result)).toMatchObject({ text, truncated: false })
      expect(kept.map((reply) => reply.text)).toEqual([text])
    }
  })

  test.each<[string, ReadonlyArray<string>]>([
    [
      "in lines",
      [...[chunk({ content: first }), chunk({ content: second }), ended].map((line) => `${line}\n`)],
    ],
    ["in one piece of lines", [[chunk({ content: text }), ended].join("\n")]],
    ["in lines that end as on Windows", [[chunk({ content: text }), "", ended, ""].join("\r\n")]],
    ["in records", [chunk({ content: text }), ended].map((record) => `\u001E${record}\n`)],
    ["in lines cut anywhere", [...[chunk({ content: text }), ended].join("\n")]],
    ["in lines with an end of their own", [[chunk({ content: text }), ended, "[DONE]"].join("\n")]],
    ["in lines that break off after their end", [[chunk({ content: text }), ended, '{"choi'].join("\n")]],
  ])("%s of JSON, as which some services stream", async (_name, lines) => {
    const { result } = await against(() => pieces([...lines], "application/x-ndjson"), { stream: true })
    expect(replyOf(result)).toMatchObject({ text, truncated: false })
  })

  const event = (data: string) => `data: ${data}\n\n`
  const said = [
    chunk({ role: "assistant", content: "" }),
    chunk({ content: first }),
    chunk({ content: second }),
  ]
  test.each<[string, () => Response]>([
    ["in order", () => pieces([...said, ended, "[DONE]"].map(event))],
    ["with all events in one piece", () => pieces([[...said, ended, "[DONE]"].map(event).join("")])],
    [
      "byte by byte",
      () => pieces([...Buffer.from([...said, ended].map(event).join(""))].map((byte) => Uint8Array.of(byte))),
    ],
    [
      "with lines that end as on Windows",
      () => pieces([[...said, ended].map((data) => `data: ${data}\r\n\r\n`).join("")]),
    ],
    ["without blanks after the colon", () => pieces([...said, ended].map((data) => `data:${data}\n\n`))],
    ["without empty lines between", () => pieces([...said, ended].map((data) => `data: ${data}\n`))],
    [
      "with comments, names and numbers",
      () =>
        pieces([": PROCESSING\n\n", "event: message\nid: 1\nretry: 10\n", ...said.map(event), event(ended)]),
    ],
    [
      "with events that keep it alive",
      () => pieces(["data:\n\n", "data: \n\n", ...said.map(event), event(ended)]),
    ],
    ["with content in parts", () => pieces([chunk({ content: [{ type: "text", text }] }), ended].map(event))],
    ["with the whole message at the end", () => pieces([event(JSON.stringify(body()))])],
    [
      "with the whole message at the end, once more",
      () => pieces([...said.map(event), event(JSON.stringify(body()))]),
    ],
    ["with an end but no reason", () => pieces([...said, "[DONE]"].map(event))],
    [
      "with the word null for no reason",
      () => pieces([chunk({ content: first }, "null"), chunk({ content: second }, "null"), ended].map(event)),
    ],
    ["and goes silent after its end", () => pieces([...said, ended].map(event), "text/event-stream", true)],
    ["and ends in nonsense", () => pieces([...said, ended].map(event).concat("data: {oops\n\n"))],
    [
      "with pieces of unknown forms",
      () => pieces([event("{}"), event("[]"), event("7"), ...said.map(event), event(ended)]),
    ],
    [
      "with the count in another place",
      () => pieces([...said.map(event), event(chunk({}, "stop", { x_groq: { usage: counted } }))]),
    ],
  ])("that is streamed %s", async (name, answer) => {
    const { result } = await against(answer, { stream: true, deadlines: deadlinesFor(name) })
    expect(replyOf(result)).toMatchObject({ text, truncated: false })
  })
})

describe("what was counted", () => {
  const none = { prompt_tokens: null, cached_tokens: null, completion_tokens: null, reasoning_tokens: null }
  test.each<[string, unknown, object]>([
    ["numbers", { prompt_tokens: 7, completion_tokens: 3 }, { prompt_tokens: 7, completion_tokens: 3 }],
    ["texts", { prompt_tokens: "7", completion_tokens: " 3 " }, { prompt_tokens: 7, completion_tokens: 3 }],
    [
      "fractions",
      { prompt_tokens: 7.4, completion_tokens: "3.0" },
      { prompt_tokens: 7, completion_tokens: 3 },
    ],
    ["other names", { input_tokens: 7, output_tokens: 3 }, { prompt_tokens: 7, completion_tokens: 3 }],
    [
      "a total and the prompt",
      { prompt_tokens: 7, total_tokens: 10 },
      { prompt_tokens: 7, completion_tokens: 3 },
    ],
    [
      "a total and the answer",
      { completion_tokens: 3, total_tokens: 10 },
      { prompt_tokens: 7, completion_tokens: 3 },
    ],
    ["a total that is less than its part", { prompt_tokens: 7, total_tokens: 1 }, { prompt_tokens: 7 }],
    ["infinity", { prompt_tokens: Number.POSITIVE_INFINITY, completion_tokens: 3 }, { completion_tokens: 3 }],
    ["more than there can be", { prompt_tokens: 1e300, completion_tokens: "1e400" }, {}],
    ["less than nothing", { prompt_tokens: -1, completion_tokens: -0.5 }, {}],
    ["zeros", { prompt_tokens: 0, completion_tokens: 0 }, { completion_tokens: 0 }],
    ["words", { prompt_tokens: "many", completion_tokens: "" }, {}],
    ["truth", { prompt_tokens: true, completion_tokens: [3] }, {}],
    [
      "details",
      { prompt_tokens: 7, prompt_tokens_details: { cached_tokens: "2" } },
      { prompt_tokens: 7, cached_tokens: 2 },
    ],
    ["details that are none", { prompt_tokens: 7, prompt_tokens_details: "none" }, { prompt_tokens: 7 }],
    ["nothing", undefined, {}],
    ["null", null, {}],
    ["a number", 7, {}],
  ])("in %s", (_name, usage, expected) => {
    expect(readUsage(usage)).toEqual({ ...none, ...expected })
  })

  test("as 1e400 is not known, and all numbers of the call can be written and read again", async () => {
    const answer = () =>
      new Response(JSON.stringify(body()).replace('"prompt_tokens":1000', '"prompt_tokens":1e400'))
    const { result, events } = await against(answer)
    expect(replyOf(result).usage.prompt_tokens).toBeNull()
    expect(JSON.parse(JSON.stringify([replyOf(result), events]))).toEqual([
      replyOf(result),
      events,
    ] as unknown[])
  })
})

describe("an answer that is none is not taken for one", () => {
  test.each<[string, () => Response]>([
    [
      "lines of another protocol",
      () => pieces(['{"message": {"content": "x"}, "done": false}\n', '{"done": true}']),
    ],
    ["lines that break off", () => pieces([`${chunk({ content: text })}\n`, chunk({ content: "x" })])],
    [
      "lines that break off before anything is said",
      () => pieces([`${chunk({ role: "assistant" })}\n`, "{"]),
    ],
    ["a list that breaks off", () => pieces([`[${chunk({ content: text })},`])],
    ["a list of something else", () => pieces(['[{"object": "model"}]'])],
    ["a list of an error", () => pieces(['[{"error": {"message": "busy", "code": 503}}]'])],
    [
      "an error in the middle of lines",
      () => pieces([`${chunk({ content: "x" })}\n{"error": {"code": 502}}\n`]),
    ],
  ])("%s", async (_name, answer) => {
    const { result } = await against(answer, { stream: true })
    expect(errorOf(result).reason).toBe("Transient")
  })

  test.each(["compress", "rot13", "gzip, compress", "gzip, gzip, gzip, gzip"])(
    "in the encoding %s, which is not asked for again at the same price",
    async (encoding) => {
      const answer = () => new Response("x", { headers: { "content-encoding": encoding } })
      const { calls, result } = await against(answer, { callRetries: 2 })
      expect(errorOf(result)).toMatchObject({
        reason: "Rejected",
        rejection: "answer_unreadable",
        mayBePaid: true,
      })
      expect(errorOf(result).message).toContain(
        `the answer is encoded as ${encoding}, which was not asked for`,
      )
      expect(calls).toBe(1)
    },
  )
})

describe("an error inside a success is what it is", () => {
  const error = (value: unknown) => () => json({ error: value } as object)
  test.each<[string, () => Response, object]>([
    ["401", error({ code: 401, message: "bad key" }), { reason: "Rejected", rejection: "auth", status: 401 }],
    ["402", error({ code: 402, message: "pay" }), { reason: "Rejected", rejection: "quota", status: 402 }],
    [
      "404",
      error({ code: "404", message: "no model" }),
      { reason: "Rejected", rejection: "not_found", status: 404 },
    ],
    ["429", error({ code: 429, message: "busy" }), { reason: "Throttled", status: 429 }],
    ["503", error({ code: 503, message: "busy" }), { reason: "Transient", status: 503 }],
    [
      "a key by its word",
      error({ code: "invalid_api_key", message: "bad" }),
      { reason: "Rejected", rejection: "auth" },
    ],
    [
      "a quota by its word",
      error({ code: "insufficient_quota", message: "pay" }),
      { reason: "Rejected", rejection: "quota" },
    ],
    ["a rate by its type", error({ type: "rate_limit_error", message: "slow" }), { reason: "Throttled" }],
    ["a text", error("model is overloaded"), { reason: "Transient" }],
    [
      "in a list",
      () => json([{ error: { code: 401, message: "bad key" } }]),
      { reason: "Rejected", rejection: "auth" },
    ],
    [
      "without a frame",
      () => json({ object: "error", message: "bad key", code: 401 }),
      { reason: "Rejected", rejection: "auth" },
    ],
    [
      "in a field of its own",
      () => json({ base_resp: { status_code: 1004, status_msg: "unauthorized" } }),
      { reason: "Rejected", rejection: "auth" },
    ],
    [
      "beside an empty list of choices",
      () => json({ choices: [], error: { code: 401, message: "bad key" } }),
      { reason: "Rejected", rejection: "auth" },
    ],
    [
      "in a choice",
      () =>
        json(
          body({ content: "" }, {}, { finish_reason: "error", error: { code: 502, message: "upstream" } }),
        ),
      { reason: "Transient", status: 502 },
    ],
    [
      "as the reason to end",
      () => json(body({ content: "{" }, {}, { finish_reason: "error" })),
      { reason: "Transient", mayBePaid: true },
    ],
    [
      "as another reason to end",
      () => json(body({ content: "{" }, {}, { finish_reason: "insufficient_system_resource" })),
      { reason: "Transient" },
    ],
    [
      "at the start of a stream",
      () => pieces([`data: ${JSON.stringify({ error: { code: 401, message: "bad key" } })}\n\n`]),
      { reason: "Rejected", rejection: "auth" },
    ],
    [
      "in the middle of a stream",
      () =>
        pieces([
          `data: ${chunk({ content: "{" })}\n\n`,
          `data: ${JSON.stringify({ error: { code: 502, message: "gone" } })}\n\n`,
        ]),
      { reason: "Transient", status: 502, mayBePaid: true },
    ],
  ])("%s", async (_name, answer, expected) => {
    const { result } = await against(answer)
    expect(errorOf(result)).toMatchObject(expected)
  })
})

describe("an answer that was declined is refused, whatever the word", () => {
  const words = [
    "content_filter",
    "content-filter",
    "SAFETY",
    "sensitive",
    "RECITATION",
    "PROHIBITED_CONTENT",
    "SPII",
    "blocked",
    "refusal",
    "content_policy_violation",
    "guardrail_intervened",
  ]
  test.each(words)("finish_reason %s", async (finish_reason) => {
    const { result, events } = await against(() => json(body({ content: "{" }, {}, { finish_reason })))
    expect(errorOf(result)).toMatchObject({ reason: "Refused", usage: counted })
    expect(events[0]).toMatchObject(counted)
  })

  test.each<[string, () => Response]>([
    ["a refusal", () => json(body({ content: null, refusal: "I will not" }))],
    ["a part of refusal", () => json(body({ content: [{ type: "refusal", refusal: "I will not" }] }))],
    [
      "400 content_filter",
      () => json({ error: { code: "content_filter", message: "policy" } }, { status: 400 }),
    ],
    [
      "400 in other words",
      () => json({ error: { code: "data_inspection_failed", message: "x" } }, { status: 400 }),
    ],
    [
      "400 in Chinese",
      () => json({ error: { code: "1301", message: "可能包含不安全或敏感内容" } }, { status: 400 }),
    ],
    [
      "403 of a moderator",
      () =>
        json(
          { error: { code: 403, message: "requires moderation; your input was flagged" } },
          { status: 403 },
        ),
    ],
  ])("%s", async (_name, answer) => {
    const { result, calls } = await against(answer, { callRetries: 2 })
    expect(errorOf(result).reason).toBe("Refused")
    expect(calls).toBe(1)
  })

  test("but not where there is an answer beside an empty refusal of a filter that found nothing", async () => {
    const { result } = await against(() =>
      json(body({ refusal: "" }, {}, { content_filter_results: { hate: { filtered: false } } })),
    )
    expect(replyOf(result).text).toBe(text)
  })
})

describe("an answer without text says why", () => {
  test.each<[string, object, string]>([
    [
      "thinking alone",
      { content: null, reasoning_content: "Let me see." },
      "has thought but written no answer",
    ],
    ["nothing", { content: null }, "an empty message"],
    ["parts without text", { content: [] }, "an empty message"],
    ["blanks", { content: " \n " }, "an empty message"],
  ])("%s", async (_name, message, says) => {
    const { result, events } = await against(() => json(body(message)))
    expect(errorOf(result)).toMatchObject({ reason: "Transient", mayBePaid: true })
    expect(errorOf(result).message).toContain(says)
    expect(events[0]).toMatchObject({ outcome: "Transient", ...counted })
  })

  test("thinking that is cut off is an answer that is cut off", async () => {
    const { result } = await against(() =>
      json(body({ content: null, reasoning_content: "Let" }, {}, { finish_reason: "length" })),
    )
    expect(replyOf(result)).toMatchObject({ text: "", truncated: true })
  })
})

describe("an error says what it is and what to do", () => {
  const region = "Country, region, or territory not supported"
  test.each<[string, number, unknown, string, string]>([
    [
      "a blocked region",
      403,
      { error: { code: "unsupported_country_region_territory", message: region } },
      "region",
      "another service or network",
    ],
    [
      "a location",
      400,
      [
        {
          error: {
            message: "User location is not supported for the API use.",
            status: "FAILED_PRECONDITION",
          },
        },
      ],
      "region",
      "region",
    ],
    ["451", 451, { error: "no" }, "region", "region"],
    ["a wrong key", 403, { error: { message: "Invalid API key" } }, "auth", "check --api-key"],
    [
      "a model that is closed",
      403,
      { error: { message: "You do not have access to model x" } },
      "access",
      "--model",
    ],
    [
      "a firewall",
      403,
      "<html><title>Attention Required! | Cloudflare</title></html>",
      "access",
      "--api-base",
    ],
    ["no credit", 403, { error: { message: "Your credit balance is too low" } }, "quota", "no credit"],
    ["no credit in Chinese", 429, { error: { code: "1113", message: "余额不足" } }, "quota", "no credit"],
    [
      "a context that is full",
      400,
      { error: { message: "the request exceeds the available context size" } },
      "context_length",
      "--max-frames",
    ],
    [
      "a context in other words",
      400,
      { error: { message: "Input token count (9000) exceeds the maximum number of tokens allowed (8192)" } },
      "context_length",
      "--max-frames",
    ],
    [
      "a context beside a limit",
      400,
      {
        error: {
          message: "'max_tokens' is too large: 8192. This model's maximum context length is 4096 tokens",
        },
      },
      "context_length",
      "--max-frames",
    ],
    [
      "a limit that is too high",
      400,
      {
        error: {
          message: "max_tokens is too large: 100000. This model supports at most 16384 completion tokens",
        },
      },
      "token_limit",
      "--max-tokens",
    ],
    [
      "a request that is too large for the minute",
      429,
      { error: { message: "Request too large for m on tokens per min (TPM): Limit 30000, Requested 55000" } },
      "too_large",
      "--max-frames",
    ],
    [
      "too many pictures",
      400,
      { error: { message: "At most 5 images are allowed in one request" } },
      "too_large",
      "--max-frames",
    ],
    [
      "validation in detail",
      422,
      { detail: [{ loc: ["body", "messages"], msg: "field required" }] },
      "bad_request",
      "body.messages: field required",
    ],
    ["an address that leads elsewhere", 308, "", "redirected", "http://127.0.0.1:1/v2"],
    ["a missing path", 405, "", "not_found", "--api-base"],
  ])("%s", async (_name, status, said, rejection, says) => {
    const answer = () =>
      new Response(typeof said === "string" ? said : JSON.stringify(said), {
        status,
        headers: { location: "http://127.0.0.1:1/v2?key=hidden" },
      })
    const { result, calls } = await against(answer, { callRetries: 2 })
    expect(errorOf(result)).toMatchObject({ reason: "Rejected", rejection })
    expect(errorOf(result).message).toContain(says)
    expect(errorOf(result).message).not.toContain("hidden")
    expect(calls).toBe(1)
  })

  test.each([408, 409, 424, 425, 498, 499, 500, 502, 503, 520, 529])("%i passes", async (status) => {
    const { result, calls } = await against(() => json({ error: { message: "wait" } }, { status }), {
      callRetries: 1,
    })
    expect(errorOf(result)).toMatchObject({ reason: "Transient", status })
    expect(calls).toBe(2)
  })

  test("control characters of a service do not reach messages", async () => {
    const { result } = await against(() =>
      json({ error: { message: "a\u001b[31mred\u0007\u0000 \u009b2J\ud800" } }, { status: 400 }),
    )
    expect(errorOf(result).message).not.toMatch(/\p{Cc}|\p{Cs}/u)
  })
})
