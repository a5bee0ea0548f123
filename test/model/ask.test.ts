import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Either } from "effect"
import { type Attempt, ask, reAskText, type Unjudged } from "../../src/model/ask.ts"
import * as Client from "../../src/model/client/client.ts"
import type { ServiceSettings } from "../../src/model/client/settings.ts"
import { readFamilies } from "../../src/model/families.ts"
import type { ModelImage, ModelReply } from "../../src/model/VisionModel.ts"
import { checkDraft, draftPlanSchema } from "../../src/plan/draft.ts"
import { sha256 } from "../../src/plan/fingerprint.ts"
import { problem } from "../../src/plan/problem.ts"
import { annotationSchemas } from "../../src/plan/schemas.ts"
import { draftTask } from "../../src/stages/draft.ts"
import { jsonSchema } from "../../src/stages/prompts.ts"
import { type Behaviour, completion, type SeenCall, startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { withValue } from "../support/json.ts"
import { draftReply } from "../support/replies.ts"

const good = draftReply("structured")
const annotation = annotationSchemas.structured

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let images: ReadonlyArray<ModelImage>

beforeAll(async () => {
  folder = await temporaryFolder()
  images = Array.from({ length: 3 }, (_, i) => {
    // Sizes that leave every remainder when they are turned into Base64 in slices.
    const bytes = new Uint8Array(200_000 + i).map((_value, at) => (at * 7 + i) % 256)
    const path = join(folder.path, `图 ${i}.jpg`)
    writeFileSync(path, bytes)
    return {
      path,
      bytes: bytes.length,
      sha256: sha256(bytes),
      width: 640,
      height: 360,
      label: `Frame 0${i + 1}`,
    }
  })
})
afterAll(() => folder[Symbol.asyncDispose]())

const asking = async (
  behave: Behaviour,
  options: {
    repair?: "auto" | "full" | "patch"
    /** What an earlier run has received, by the digest of its request. */
    replies?: ReadonlyMap<string, ModelReply>
    retries?: number
    settings?: Partial<ServiceSettings>
    recalled?: ModelReply
  } = {},
) => {
  await using server = startChatServer({ behave })
  const recorded: Array<Attempt> = []
  const kept: Array<Unjudged> = []
  const model = Client.layer({
    apiBase: server.url,
    model: "loopback-vlm",
    temperature: 0.2,
    callRetries: 0,
    callRetryBackoffSec: 0,
    ...options.settings,
  })
  const result = await ask({
    request: {
      videoId: "video",
      task: draftTask(annotation),
      system: 'system "quoted" 系统',
      prompt: "# Task: draft\nYou see 3 images",
      images,
      schema: { name: "draft_plan", json: jsonSchema(draftPlanSchema(annotation)) },
    },
    check: (json) => checkDraft(annotation, json),
    retries: options.retries ?? 2,
    repair: options.repair ?? "patch",
    recall: (digest, attempt) =>
      Effect.succeed(options.replies?.get(digest) ?? (attempt === 1 ? options.recalled : undefined)),
    keep: (reply) => Effect.sync(() => void kept.push(reply)),
    record: (attempt) => Effect.sync(() => void recorded.push(attempt)),
  }).pipe(Effect.either, Effect.provide(model), Effect.runPromise)
  return { result, calls: server.calls, recorded, kept }
}

const broken = withValue(good, "steps.1.rationale", "As in frame 12.")
const isFirst = (call: SeenCall) => call.turns.length === 0

test("pictures arrive whole, in order, each after its label", async () => {
  const { calls } = await asking(() => JSON.stringify(good))
  expect(calls[0]?.labels).toEqual(["Frame 01", "Frame 02", "Frame 03"])
  expect(calls[0]?.images.map(sha256)).toEqual(images.map((image) => image.sha256))
  expect(calls[0]?.headers.get("content-length")).toBe(String(Buffer.byteLength(calls[0]?.raw ?? "")))
  expect(calls[0]?.headers.get("transfer-encoding")).toBeNull()
  expect(calls[0]?.system).toBe('system "quoted" 系统')
})

test.each([
  [100_000, ["assistant", "user"]],
  [100_001, ["user"]],
])(
  "a rejected answer of %d characters is shown with what is wrong with it, if it is not too long",
  async (length, roles) => {
    const { calls } = await asking((call) => (isFirst(call) ? "x".repeat(length) : JSON.stringify(good)))
    expect(calls[1]?.turns.map(({ role }) => role)).toEqual([...roles])
  },
)

describe("a re-ask", () => {
  test("has the first request's bytes up to the first new message", async () => {
    const { calls } = await asking((call) => JSON.stringify(isFirst(call) ? broken : good), {
      repair: "full",
    })
    const [first = "", second = ""] = calls.map(({ raw }) => raw)
    const end = first.lastIndexOf('"}}]}]') + '"}}]}'.length
    expect(end).toBeGreaterThan(800_000)
    expect(second.slice(0, end)).toBe(first.slice(0, end))
    expect(second.slice(end, end + 22)).toBe(',{"role":"assistant","')
  })

  test("in patch mode asks for the bad fields alone, and costs a small part of the whole answer", async () => {
    const patch = JSON.stringify({
      patch: [{ path: "$.steps[1].rationale", value: "The cube has to be free first." }],
    })
    const { result, calls, recorded } = await asking((call) =>
      isFirst(call) ? JSON.stringify(broken) : patch,
    )
    expect(calls).toHaveLength(2)
    expect(calls[1]?.turns[0]?.text).toBe(JSON.stringify(broken))
    expect(calls[1]?.turns[1]?.text).toContain('{"patch": [{"path":')
    expect(Either.isRight(result) && result.right.value.steps[1]?.rationale).toBe(
      "The cube has to be free first.",
    )
    expect(recorded.map(({ isPatch, isLast }) => [isPatch, isLast])).toEqual([
      [false, false],
      [true, true],
    ])
    expect(patch.length / JSON.stringify(good).length).toBeLessThan(0.15)
  })

  test("takes the whole object where a patch was asked for", async () => {
    const { result, recorded } = await asking((call) => JSON.stringify(isFirst(call) ? broken : good))
    expect(Either.isRight(result)).toBe(true)
    expect(recorded[1]?.isPatch).toBe(false)
  })

  test("builds a second patch on the first, and checks the whole again", async () => {
    const two = withValue(
      broken,
      "steps.3.step_goal",
      good.high_level_goal === "" ? "" : "Pick up the red_cube",
    )
    const answers = [
      JSON.stringify(two),
      JSON.stringify({ patch: [{ path: "$.steps[1].rationale", value: "Free now." }] }),
      JSON.stringify({ patch: [{ path: "$.steps[3].step_goal", value: "Lower the jug" }] }),
    ]
    const { result, calls } = await asking((call) => answers[call.number - 1] ?? "")
    expect(Either.isRight(result) && result.right.value.steps.map(({ step_goal }) => step_goal)[3]).toBe(
      "Lower the jug",
    )
    expect(Either.isRight(result) && result.right.value.steps[1]?.rationale).toBe("Free now.")
    expect(calls[2]?.turns[0]?.text).toContain("Free now.")
    expect(calls[2]?.turns[1]?.text).not.toContain("steps[1]")
  })

  const patch = JSON.stringify({ patch: [{ path: "$.steps[1].rationale", value: "Free now." }] })
  /** Breaks a rule, then does as it is told. */
  const obedient: Behaviour = (call) =>
    isFirst(call)
      ? JSON.stringify(broken)
      : call.turns.at(-1)?.text.includes('{"patch"') === true
        ? patch
        : JSON.stringify(good)
  const cheapInput = { in: 1, cached: 1, out: 8 }
  /** The pictures, taken for larger ones, weigh more than the answer. */
  const cachedInput = { in: 1000, cached: 1, out: 8 }
  const automatic = readFamilies({ families: [{ pattern: "", cache: "automatic" }] })
  const settingsOf = (price: ServiceSettings["price"]) => ({
    ...(price === undefined ? {} : { price }),
    ...(typeof automatic === "string" ? {} : { families: automatic }),
  })

  test.each([
    ["the whole answer, with the schema that the cache knows", cachedInput, "json_schema"],
    ["a patch where reading from a cache saves nothing", cheapInput, "json_object"],
    ["a patch where no price is known", undefined, "json_object"],
  ])("is what costs less: %s", async (_what, price, format) => {
    const { calls, result } = await asking(obedient, { repair: "auto", settings: settingsOf(price) })
    expect(calls.map(({ responseFormat }) => responseFormat)).toEqual(["json_schema", format])
    expect(Either.isRight(result)).toBe(true)
    const [before, again] = calls.map(({ raw }) => JSON.parse(raw))
    if (format === "json_schema") expect(again.response_format).toEqual(before.response_format)
  })

  test("is found on disk in whichever way an earlier run has asked", async () => {
    for (const [was, is] of [
      [cachedInput, cheapInput],
      [cheapInput, cachedInput],
    ]) {
      const earlier = await asking(obedient, { repair: "auto", settings: settingsOf(was) })
      const replies = new Map(earlier.kept.map(({ reply, requestSha256 }) => [requestSha256, reply]))
      expect(replies.size).toBe(2)
      const later = await asking(obedient, { repair: "auto", settings: settingsOf(is), replies })
      expect(later.calls).toHaveLength(0)
      expect(later.recorded.map(({ isPatch }) => isPatch)).toEqual(
        earlier.recorded.map(({ isPatch }) => isPatch),
      )
      expect(Either.isRight(later.result)).toBe(true)
    }
  })

  test("does not let a patch change what was not complained about", async () => {
    const answers = [
      JSON.stringify(broken),
      JSON.stringify({ patch: [{ path: "$.high_level_goal", value: "Something else." }] }),
      JSON.stringify(good),
    ]
    const { result, calls, recorded } = await asking((call) => answers[call.number - 1] ?? "")
    expect(recorded[1]?.problems.map(({ code }) => code)).toEqual(["bad_patch"])
    expect(calls[2]?.turns[0]?.text).toBe(JSON.stringify(broken))
    expect(calls[2]?.turns[1]?.text).toContain("$.steps[1].rationale")
    expect(calls[2]?.turns[1]?.text).toContain("the whole corrected JSON object")
    expect(Either.isRight(result) && result.right.value.high_level_goal).toBe(String(good.high_level_goal))
  })

  test("removes a field that has to go", async () => {
    const answers = [
      JSON.stringify({ ...good, notes: "x" }),
      JSON.stringify({ patch: [{ path: "$.notes", remove: true }] }),
    ]
    const { result } = await asking((call) => answers[call.number - 1] ?? "")
    expect(Either.isRight(result)).toBe(true)
  })

  test("asks for the whole answer where no field can be mended alone", async () => {
    const short = { ...good, steps: [] }
    const { calls } = await asking((call) => JSON.stringify(isFirst(call) ? short : good))
    expect(calls[1]?.turns[1]?.text).toContain("the whole corrected JSON object")
  })

  test("tells at most 20 problems", async () => {
    const steps = Array.from({ length: 8 }, (_, i) => ({ step_id: i + 1 }))
    const { calls } = await asking((call) =>
      JSON.stringify(isFirst(call) ? { high_level_goal: "x", steps } : good),
    )
    const lines = calls[1]?.turns[1]?.text.split("\n").filter((line) => line.startsWith("- ")) ?? []
    expect(lines).toHaveLength(21)
    expect(lines.at(-1)).toMatch(/^- \.\.\. and \d+ more/u)
  })
})

test("a re-ask says how many problems it does not tell, if there are any", () => {
  const lines = (count: number) => {
    const problems = Array.from({ length: count }, (_, i) => problem(`$.steps[${i}]`, "empty", "is empty"))
    return reAskText(problems, "full")
      .split("\n")
      .filter((line) => line.startsWith("- "))
  }
  expect(lines(1)).toEqual(["- $.steps[0]: is empty"])
  expect(lines(20).at(-1)).toBe("- $.steps[19]: is empty")
  expect(lines(22).slice(-2)).toEqual(["- $.steps[19]: is empty", "- ... and 2 more of these kinds"])
})

test.each([
  ["1 problem", broken],
  ["2 problems", withValue(broken, "steps.0.rationale", "As in frame 9.")],
])("the last answer that was rejected is said to have %s", async (says, answer) => {
  const { result } = await asking(() => JSON.stringify(answer), { retries: 0 })
  expect(Either.isLeft(result) && result.left.message).toContain(`the last one has ${says}, first $.steps[`)
})

test("every answer is kept once, whether it was asked for or recalled", async () => {
  const { recorded, kept } = await asking((call) => JSON.stringify(isFirst(call) ? broken : good))
  expect(kept.map(({ number, recalled }) => [number, recalled])).toEqual([
    [1, false],
    [2, false],
  ])
  const recalled = recorded[0]?.reply
  if (recalled === undefined) throw new Error("the first answer was not recorded")
  const again = await asking(() => JSON.stringify(good), { recalled })
  expect(again.kept.map((each) => [each.number, each.recalled])).toEqual([
    [1, true],
    [2, false],
  ])
  expect(again.calls).toHaveLength(1)
})

describe("an answer that is cut off", () => {
  test("is asked for once more with a higher limit, which is no retry", async () => {
    const { result, calls } = await asking(
      (call) => (call.number === 1 ? completion('{"half":', "length") : JSON.stringify(good)),
      {
        retries: 0,
        settings: { maxTokens: 1000 },
      },
    )
    expect(Either.isRight(result)).toBe(true)
    expect(calls.map(({ maxTokens }) => maxTokens)).toEqual([1000, 8192])
    expect(calls[1]?.turns).toEqual([])
  })

  test.each([
    ["twice the limit that was set", 5000, 10_000],
    ["at least 8192 tokens", 4000, 8192],
    ["twice what the service gave, where none was set", undefined, 12_000],
  ])("gets %s", async (_what, maxTokens, raised) => {
    const cutOff = completion('{"half":', "length", 6000)
    const { calls } = await asking((call) => (call.number === 1 ? cutOff : JSON.stringify(good)), {
      settings: maxTokens === undefined ? {} : { maxTokens },
    })
    expect(calls.map((call) => call.maxTokens)).toEqual([maxTokens, raised])
  })

  test("well before its limit ends at once: a higher one would not help where the context is full", async () => {
    const half = `{"half": "${"word".repeat(400)}`
    const { result, calls } = await asking(() => completion(half, "length", 400), {
      settings: { maxTokens: 5000 },
    })
    expect(Either.isLeft(result) && result.left).toMatchObject({
      reason: "ContextFull",
      message: expect.stringContaining("(1000 tokens of prompt, 400 of answer)"),
    })
    expect(calls).toHaveLength(1)
  })

  test("twice ends as truncated, without repair", async () => {
    const { result, calls } = await asking(() => completion(JSON.stringify(good).slice(0, -2), "length"))
    expect(Either.isLeft(result) && result.left).toMatchObject({ _tag: "ModelError", reason: "Truncated" })
    expect(calls).toHaveLength(2)
  })
})

describe("the form asked of an answer", () => {
  const refusing =
    (...refused: ReadonlyArray<string>): Behaviour =>
    (call) =>
      refused.includes(call.responseFormat)
        ? Response.json(
            { error: { message: `response_format ${call.responseFormat} is not supported` } },
            { status: 400 },
          )
        : JSON.stringify(call.number % 2 === 0 ? good : good)

  test("is a strict schema first", async () => {
    const { calls } = await asking(() => JSON.stringify(good))
    const format = JSON.parse(calls[0]?.raw ?? "{}").response_format
    expect(format).toMatchObject({ type: "json_schema", json_schema: { name: "draft_plan", strict: true } })
    const text = JSON.stringify(format.json_schema.schema)
    expect(text).not.toMatch(/"(?:\$schema|default|minLength|minItems|pattern)":/u)
    expect(format.json_schema.schema).toMatchObject({
      additionalProperties: false,
      required: ["high_level_goal", "steps"],
    })
  })

  test.each([
    [["json_schema"], ["json_schema", "json_object"]],
    [
      ["json_schema", "json_object"],
      ["json_schema", "json_object", "none"],
    ],
  ])("steps down when %p is refused", async (refused, seen) => {
    const { result, calls } = await asking(refusing(...refused))
    expect(calls.map(({ responseFormat }) => responseFormat)).toEqual(seen)
    expect(Either.isRight(result) && result.right.attempts[0]?.reply.responseFormat).toBe(
      seen.at(-1) as "json_object" | "none",
    )
  })

  test("is remembered: what was refused is not tried again", async () => {
    const behave: Behaviour = (call) => {
      if (call.responseFormat === "json_schema") return refusing("json_schema")(call, "")
      return JSON.stringify(call.number === 2 ? { ...good, steps: [] } : good)
    }
    const { calls } = await asking(behave, { repair: "full" })
    expect(calls.map(({ responseFormat }) => responseFormat)).toEqual([
      "json_schema",
      "json_object",
      "json_object",
    ])
  })

  test("stays as the user chose it, and its refusal is an error with the way out", async () => {
    const { result, calls } = await asking(refusing("json_object"), {
      settings: { responseFormat: "json_object" },
    })
    expect(calls).toHaveLength(1)
    expect(Either.isLeft(result) && result.left).toMatchObject({ rejection: "format_unsupported" })
    expect(Either.isLeft(result) && result.left.message).toContain("--response-format")
  })
})
