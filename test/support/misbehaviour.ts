import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib"
import { type Exchange, pour } from "./wire-server.ts"

/** What a call has to end in. */
export interface Expected {
  /** `reply` or `truncated` for an answer, else the reason of the error. */
  readonly outcome: "reply" | "truncated" | "Throttled" | "Transient" | "Rejected" | "Refused"
  readonly rejection?: string
  /** Whether the service may have counted the call although it gave no reply. */
  readonly mayBePaid: boolean
}

/** One way to misbehave, and what is right. */
export interface Misbehaviour {
  readonly name: string
  readonly expected: Expected
  /** What the client asks for. */
  readonly stream: boolean
  readonly answer: (exchange: Exchange) => Promise<void> | void
}

/** The text of every reply. */
export const replyText = '{"goal": "Close the lid 盖子 \\"quoted\\" {nested}"}'

type Random = () => number

/** Numbers from 0 to 1 that follow from a seed. */
const randomOf = (seed: number): Random => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const pick = <A>(random: Random, list: readonly [A, ...ReadonlyArray<A>]): A =>
  list[Math.floor(random() * list.length)] ?? list[0]

const usages: readonly [unknown, ...ReadonlyArray<unknown>] = [
  { prompt_tokens: 1000, completion_tokens: 20 },
  { prompt_tokens: "1000", completion_tokens: "20" },
  undefined,
  null,
  { prompt_tokens: -1, completion_tokens: "many" },
  { total_tokens: 1020, prompt_tokens: 1000 },
  { input_tokens: 1000, output_tokens: 20 },
  [],
  "1020",
]

const contentTypes: readonly [string | undefined, ...ReadonlyArray<string | undefined>] = [
  "application/json",
  "text/plain",
  "text/html; charset=utf-8",
  undefined,
  "text/event-stream",
  "application/octet-stream",
]

const oddHeaders: readonly [Record<string, string>, ...ReadonlyArray<Record<string, string>>] = [
  {},
  { "x-ratelimit-limit-requests": "0.001" },
  { "x-ratelimit-limit-tokens": "1" },
  { "x-ratelimit-limit-requests": "NaN", "x-ratelimit-limit-tokens": "-7" },
  { "retry-after": "1e9" },
  { "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "-5s" },
  { "x-filler": "f".repeat(6000) },
]

const encoders: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  identity: (bytes) => bytes,
  gzip: (bytes) => gzipSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
  br: (bytes) => brotliCompressSync(bytes),
  "gzip, gzip": (bytes) => gzipSync(gzipSync(bytes)),
}

/** How a body is sent. */
interface Delivery {
  readonly headers: Record<string, string>
  readonly type: string | undefined
  readonly encoding: string
  /** Bytes of a piece; 0 for all in one. */
  readonly piece: number
  /** Blanks before the body. */
  readonly blanks: number
}

const deliveryOf = (random: Random): Delivery => ({
  headers: pick(random, oddHeaders),
  type: pick(random, contentTypes),
  encoding: pick(random, ["identity", "identity", "identity", "gzip", "deflate", "br", "gzip, gzip"]),
  piece: pick(random, [0, 0, 1, 7, 100, 4096]),
  blanks: pick(random, [0, 0, 0, 3, 70_000]),
})

const send = async (
  { response }: Exchange,
  text: string,
  { headers, type, encoding, piece, blanks }: Delivery,
  { status = 200, ending = "end" }: { status?: number; ending?: "end" | "reset" | "stay" } = {},
) => {
  const bytes = (encoders[encoding] ?? Buffer.from)(Buffer.from(" ".repeat(blanks) + text))
  response.writeHead(status, {
    ...headers,
    ...(type === undefined ? {} : { "content-type": type }),
    ...(encoding === "identity" ? {} : { "content-encoding": encoding }),
  })
  const size = piece === 0 ? bytes.length : Math.max(piece, Math.ceil(bytes.length / 200))
  for (let at = 0; at < bytes.length && !response.destroyed; at += size) {
    response.write(bytes.subarray(at, at + size))
    if (piece > 0) await Bun.sleep(0)
  }
  if (ending === "end") response.end()
  if (ending === "reset") setTimeout(() => response.destroy(), 500)
}

const message = (
  content: unknown,
  more: object = {},
  choice: object = {},
  usage: unknown = undefined,
): string =>
  JSON.stringify({
    model: "loopback-vlm",
    choices: [
      { index: 0, finish_reason: "stop", message: { role: "assistant", content, ...more }, ...choice },
    ],
    usage,
  })

const half = Math.floor(replyText.length / 2)

const chunk = (delta: object, finish: string | null = null, more: object = {}): string =>
  JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }], ...more })

const streamed = (random: Random, usage: unknown, finish: string | null = "stop"): string => {
  const end = pick(random, ["\n\n", "\r\n\r\n", "\n"])
  const colon = pick(random, ["data: ", "data:"])
  const chunks = [
    chunk({ role: "assistant", content: "" }),
    chunk({ content: replyText.slice(0, half) }),
    chunk({ content: [{ type: "text", text: replyText.slice(half) }] }),
    ...(finish === null ? [] : [chunk({}, finish, { usage }), "[DONE]"]),
  ]
  return (random() < 0.3 ? `: PROCESSING${end}` : "") + chunks.map((data) => `${colon}${data}${end}`).join("")
}

const reply: Expected = { outcome: "reply", mayBePaid: true }
const transient: Expected = { outcome: "Transient", mayBePaid: false }
const lost: Expected = { outcome: "Transient", mayBePaid: true }
const refused: Expected = { outcome: "Refused", mayBePaid: true }
const rejected = (rejection: string): Expected => ({ outcome: "Rejected", rejection, mayBePaid: false })

type Kind = (random: Random) => Omit<Misbehaviour, "stream">

/** A success with this body, delivered in any way. */
const success =
  (name: string, expected: Expected, body: (random: Random, usage: unknown) => string): Kind =>
  (random) => {
    const text = body(random, pick(random, usages))
    const delivery = deliveryOf(random)
    return { name, expected, answer: (exchange) => send(exchange, text, delivery) }
  }

/** A status with one of these bodies, delivered in any way. */
const failure =
  (status: number, expected: Expected, ...bodies: readonly [unknown, ...ReadonlyArray<unknown>]): Kind =>
  (random) => {
    const body = pick(random, bodies)
    const delivery = deliveryOf(random)
    const text = typeof body === "string" ? body : JSON.stringify(body)
    return {
      name: `status ${status}: ${text.slice(0, 60)}`,
      expected,
      answer: (exchange) => send(exchange, text, delivery, { status }),
    }
  }

/** A success whose connection does not end as it should. */
const broken =
  (name: string, expected: Expected, text: string, ending: "reset" | "stay"): Kind =>
  (random) => {
    const delivery = { ...deliveryOf(random), encoding: "identity" }
    return { name, expected, answer: (exchange) => send(exchange, text, delivery, { ending }) }
  }

const flood =
  (name: string, first: string, piece: string, status = 200, expected: Expected = lost): Kind =>
  () => ({
    name,
    expected,
    answer: async ({ response }) => {
      response.writeHead(status, { "content-type": "application/json" }).write(first)
      await pour(response, Buffer.from(piece.repeat(Math.ceil(65_536 / piece.length))), 1 << 30)
    },
  })

/** What is refused once for a parameter is asked for again without. */
const teaches =
  (name: string, isRefused: (request: object) => boolean, text: string): Kind =>
  (random) => {
    const delivery = deliveryOf(random)
    const good = message(replyText, {}, {}, pick(random, usages))
    return {
      name,
      expected: reply,
      answer: (exchange) =>
        isRefused(JSON.parse(exchange.body))
          ? send(exchange, text, delivery, { status: 400 })
          : send(exchange, good, delivery),
    }
  }

const error = (fields: object) => ({ error: { message: "no", ...fields } })
/** Objects that are no completion. */
const others: readonly [object, ...ReadonlyArray<object>] = [
  {},
  { choices: [] },
  { choices: [{}] },
  { data: [] },
]
const deep = (open: string, close: string) => open.repeat(100_000) + close.repeat(100_000)
const bomb = gzipSync(Buffer.alloc(300 << 20))

const kinds: readonly [Kind, ...ReadonlyArray<Kind>] = [
  success("a plain reply", reply, (_r, usage) => message(replyText, {}, {}, usage)),
  success("a reply in parts", reply, (_r, usage) =>
    message(
      [
        { type: "text", text: replyText.slice(0, half) },
        { type: "text", text: replyText.slice(half) },
      ],
      {},
      {},
      usage,
    ),
  ),
  success("a reply after thinking", reply, (_r, usage) =>
    message(
      [
        { type: "thinking", thinking: "{}" },
        { type: "text", text: replyText },
      ],
      {},
      {},
      usage,
    ),
  ),
  success("a reply with an empty refusal", reply, (_r, usage) =>
    message(replyText, { refusal: "" }, {}, usage),
  ),
  success("a reply in the thinking", reply, (_r, usage) =>
    message(null, { reasoning_content: replyText }, {}, usage),
  ),
  success("a reply with an odd end", reply, (random, usage) =>
    message(replyText, {}, { finish_reason: pick(random, [null, "eos", 7, "tool_calls", ""]) }, usage),
  ),
  success("a stream", reply, streamed),
  success(
    "a stream without a reason to end",
    reply,
    (random) => `${streamed(random, undefined, null)}data: [DONE]\n\n`,
  ),
  success(
    "a stream of one whole message",
    reply,
    (_r, usage) => `data: ${message(replyText, {}, {}, usage)}\n\n`,
  ),
  success("a count of 1e400", reply, () =>
    message(replyText, {}, {}, { prompt_tokens: 1, completion_tokens: 20 }).replace(
      '"prompt_tokens":1',
      '"prompt_tokens":1e400',
    ),
  ),
  success("an answer cut off", { outcome: "truncated", mayBePaid: true }, (random, usage) =>
    message("{", {}, { finish_reason: pick(random, ["length", "max_tokens", "MAX_TOKENS"]) }, usage),
  ),
  success("thinking cut off", { outcome: "truncated", mayBePaid: true }, (_r, usage) =>
    message(null, { reasoning: "Let" }, { finish_reason: "length" }, usage),
  ),
  success("a filter", refused, (random, usage) =>
    message(
      "{",
      {},
      { finish_reason: pick(random, ["content_filter", "SAFETY", "sensitive", "blocked", "RECITATION"]) },
      usage,
    ),
  ),
  success("a refusal", refused, (_r, usage) => message(null, { refusal: "I will not" }, {}, usage)),
  success("an empty message", lost, (random, usage) =>
    message(pick(random, ["", null, " ", []]), {}, {}, usage),
  ),
  success("thinking alone", lost, (_r, usage) =>
    message(null, { reasoning_content: "Let me see" }, {}, usage),
  ),
  success("an end in error", lost, (random, usage) =>
    message("{", {}, { finish_reason: pick(random, ["error", "abort", "network_error"]) }, usage),
  ),
  success("half a stream", lost, (random) => streamed(random, undefined, null)),
  success("half an answer", lost, () => message(replyText).slice(0, -30)),
  success("a page", transient, (random) =>
    pick(random, ["<html>hello</html>", "<!doctype html>", "OK", "null", "7"]),
  ),
  success("nothing", transient, () => ""),
  success("another object", transient, (random) => JSON.stringify(pick(random, others))),
  success("401 inside a success", rejected("auth"), () => JSON.stringify(error({ code: 401 }))),
  success("402 inside a success", rejected("quota"), () => JSON.stringify([error({ code: "402" })])),
  success("404 inside a success", rejected("not_found"), () => JSON.stringify(error({ code: 404 }))),
  success("429 inside a success", { outcome: "Throttled", mayBePaid: false }, () =>
    JSON.stringify(error({ code: 429 })),
  ),
  success("503 inside a success", transient, () =>
    JSON.stringify({ object: "error", message: "busy", code: 503 }),
  ),
  success(
    "an error in a stream",
    { outcome: "Rejected", rejection: "auth", mayBePaid: false },
    () => `data: ${JSON.stringify(error({ code: 401 }))}\n\n`,
  ),
  success("depth", transient, (random) =>
    pick(random, [deep("[", "]"), deep('{"a":', ""), `{"choices": ${deep("[", "]")}}`]),
  ),
  failure(
    400,
    rejected("bad_request"),
    error({ message: "bad" }),
    "",
    { detail: "bad" },
    [error({ message: "bad" })],
    "<html>",
  ),
  failure(
    400,
    rejected("context_length"),
    error({ code: "context_length_exceeded" }),
    error({ message: "prompt is too long: 9000 tokens > 8192 maximum" }),
  ),
  failure(
    400,
    { ...refused, mayBePaid: false },
    error({ code: "content_filter" }),
    error({ message: "content management policy" }),
  ),
  failure(401, rejected("auth"), "", error({ message: "bad key" }), "<html>"),
  failure(402, rejected("quota"), "", error({ message: "pay" })),
  failure(
    403,
    rejected("region"),
    error({ code: "unsupported_country_region_territory" }),
    error({ message: "not available in your region" }),
  ),
  failure(403, rejected("auth"), "", "forbidden", error({ message: "invalid api key" })),
  failure(404, rejected("not_found"), "", error({ message: "no such model" }), "<html>not found</html>"),
  failure(413, rejected("too_large"), "", error({ message: "body too large" })),
  failure(
    429,
    { outcome: "Throttled", mayBePaid: false },
    "",
    error({ message: "slow" }),
    "<html>",
    deep("[", "]"),
  ),
  failure(429, rejected("quota"), error({ code: "insufficient_quota" })),
  failure(500, transient, "", error({ message: "no" }), "<html>", deep('{"error":', "")),
  failure(503, transient, "", [error({ message: "no" })], "null"),
  failure(308, rejected("redirected"), ""),
  failure(400, lost, error({ code: "json_validate_failed", failed_generation: "{" })),
  broken("a reply whose connection is reset", reply, message(replyText), "reset"),
  broken("a reply whose connection stays", reply, message(replyText), "stay"),
  broken("half an answer that is reset", lost, message(replyText).slice(0, 60), "reset"),
  broken("half an answer that stays", lost, message(replyText).slice(0, 60), "stay"),
  broken(
    "a stream that stays after its end",
    reply,
    `data: ${chunk({ content: replyText }, "stop")}\n\n`,
    "stay",
  ),
  broken("a stream that stalls", lost, `data: ${chunk({ content: "{" })}\n\n`, "stay"),
  () => ({ name: "silence", expected: lost, answer: () => undefined }),
  () => ({
    name: "a reset before the answer",
    expected: lost,
    answer: ({ response }) => void response.destroy(),
  }),
  flood("letters without end", '{"choices": [{"message": {"content": "', "a"),
  flood("blanks without end", "", " \n"),
  flood("brackets without end", "", "["),
  flood("a line without end", "data: ", "a"),
  flood("an event without end", "", "data: a\n"),
  flood("a stream without end", "", `data: ${chunk({ content: "a".repeat(900) })}\n\n`),
  flood("comments without end", "", ": wait\n\n"),
  flood("an error without end", '{"error": {"message": "no', " x", 500, transient),
  flood("a rejection without end", '{"error": {"message": "no', " x", 401, rejected("auth")),
  () => ({
    name: "a little that unpacks to much",
    expected: lost,
    answer: ({ response }) => void response.writeHead(200, { "content-encoding": "gzip" }).end(bomb),
  }),
  () => ({
    name: "an encoding that is only said",
    expected: reply,
    answer: ({ response }) =>
      void response.writeHead(200, { "content-encoding": "gzip" }).end(message(replyText)),
  }),
  () => ({
    name: "an encoding that breaks off",
    expected: lost,
    answer: ({ response }) =>
      void response
        .writeHead(200, { "content-encoding": "gzip" })
        .end(gzipSync(message(replyText)).subarray(0, 60)),
  }),
  () => ({
    name: "an encoding that nobody knows",
    expected: { ...rejected("answer_unreadable"), mayBePaid: true },
    answer: ({ response }) =>
      void response
        .writeHead(200, { "content-encoding": "rot13" })
        .end(Buffer.from(message(replyText)).map((byte) => byte ^ 0xff)),
  }),
  () => ({
    name: "a character set that is said to be an encoding",
    expected: reply,
    answer: ({ response }) =>
      void response.writeHead(200, { "content-encoding": "utf-8" }).end(message(replyText)),
  }),
  () => ({
    name: "deflate without its frame",
    expected: reply,
    answer: ({ response }) =>
      void response.writeHead(200, { "content-encoding": "deflate" }).end(deflateRawSync(message(replyText))),
  }),
  () => ({
    name: "headers beyond measure",
    expected: lost,
    answer: ({ response }) =>
      void response.writeHead(200, { "x-long": "a".repeat(1 << 20) }).end(message(replyText).slice(0, 60)),
  }),
  teaches(
    "a model without temperature",
    (sent) => "temperature" in sent,
    JSON.stringify(error({ message: "temperature is deprecated" })),
  ),
  teaches(
    "a model without schemas",
    (sent) => JSON.stringify(sent).includes("json_schema"),
    JSON.stringify([error({ message: "too many states" })]),
  ),
  teaches("a model without schemas, in no words", (sent) => JSON.stringify(sent).includes("json_schema"), ""),
]

/** So many kinds there are: one after the other covers them all. */
export const kindCount = kinds.length

/** The misbehaviour of a number under a seed: kinds in turn, everything else by chance. */
export const misbehaviour = (seed: number, index: number): Misbehaviour => {
  const random = randomOf(seed * 1_000_003 + index)
  const kind = kinds[index % kinds.length] ?? kinds[0]
  return { ...kind(random), stream: random() < 0.4 }
}
