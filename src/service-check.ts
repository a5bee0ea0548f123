import { join } from "node:path"
import { Effect, Either } from "effect"
import * as v from "valibot"
import { faultText } from "./files/fault-text.ts"
import { scratchFolderOr } from "./files/scratch.ts"
import { parseReply } from "./model/reply.ts"
import {
  ModelError,
  type ModelImage,
  type ModelLoad,
  type ModelReply,
  type ModelRequest,
  VisionModel,
} from "./model/VisionModel.ts"
import { encodeJpeg } from "./picture/picture.ts"
import { sha256 } from "./plan/fingerprint.ts"
import type { Check } from "./preflight.ts"
import { jsonSchema } from "./stages/prompts.ts"
import { count, dollars } from "./text/quantity.ts"

/** The colours that may be answered, as blue, green and red. A model that sees nothing guesses the two right once in sixteen. */
const colours = { red: [0, 0, 255], green: [0, 160, 0], blue: [255, 0, 0], yellow: [0, 230, 255] } as const

const colour = v.picklist(["red", "green", "blue", "yellow"] as const satisfies ReadonlyArray<
  keyof typeof colours
>)
const answerSchema = v.strictObject({ left: colour, right: colour })
type Answer = v.InferOutput<typeof answerSchema>

/** What the picture shows. */
const shown: Answer = { left: "yellow", right: "blue" }

const [width, height] = [256, 128]

const unwritable = (cause: unknown) =>
  new ModelError({ reason: "ImageUnreadable", message: `the image cannot be made: ${faultText(cause)}` })

/** A picture of two halves, in a file that is gone when the scope ends. */
const halves = Effect.gen(function* () {
  const pixels = Uint8Array.from({ length: width * height * 4 }, (_, i) => {
    const isLeft = Math.floor(i / 4) % width < width / 2
    return colours[isLeft ? shown.left : shown.right][i % 4] ?? 255
  })
  const jpeg = yield* Effect.mapError(encodeJpeg(pixels, width, height, 90), unwritable)
  const path = join(yield* scratchFolderOr(() => unwritable), "halves.jpg")
  yield* Effect.tryPromise({ try: () => Bun.write(path, jpeg), catch: unwritable })
  return { path, bytes: jpeg.length, sha256: sha256(jpeg), width, height } satisfies ModelImage
})

const request: Omit<ModelRequest, "images"> = {
  videoId: "preflight",
  task: { stage: "preflight", stageNumber: 0, answerTokens: 20, rehearse: () => shown },
  system: "You look at images and answer with JSON.",
  prompt: `The image has a left and a right half, each of one colour: ${Object.keys(colours).join(", ")}. Which are they? Answer with one JSON object of this form and nothing else: {"left": "a colour", "right": "a colour"}`,
  turns: [],
  schema: { name: "two_colours", json: jsonSchema(answerSchema) },
  attempt: 1,
}

const checkOf = (what: string, found: string, problem?: string): Check => ({ what, problem, found })

/** Whether the answer has the form that was asked for, and whether the picture was seen. */
const checkAnswer = ({ text, truncated, responseFormat }: ModelReply): ReadonlyArray<Check> => {
  const form = (problem?: string) => checkOf("structured output", formText[responseFormat], problem)
  if (truncated) return [form("the answer was cut off at the token limit; raise --max-tokens")]
  const parsed = parseReply(text)
  if (!parsed.ok) return [form(parsed.problem.message)]
  const answer = v.safeParse(answerSchema, parsed.value)
  if (!answer.success)
    return [form(`the answer has another form than the one that was asked for: ${answer.issues[0].message}`)]
  const { left, right } = answer.output
  const isSeen = left === shown.left && right === shown.right
  const mistake = `the model takes one that is ${shown.left} and ${shown.right} for ${left} and ${right}: it may not see images`
  return [form(), checkOf("images", "the model has seen the one it was sent", isSeen ? undefined : mistake)]
}

const formText: Readonly<Record<ModelReply["responseFormat"], string>> = {
  json_schema: "answers are held to the JSON schema",
  json_object: "answers are held to be JSON, not to the schema; they are checked all the same",
  none: "answers are not held to a form; they are checked all the same",
}

const tokensText = ({ usage, estimated }: ModelReply): string =>
  estimated === null
    ? `${count(usage.prompt_tokens ?? 0)} tokens of prompt and ${count(usage.completion_tokens ?? 0)} of answer`
    : `about ${count(estimated.tokens)} tokens by estimate, since the service does not count them`

const costText = ({ costUsd, estimated }: ModelReply): string => {
  const cost = costUsd ?? estimated?.cost_usd ?? null
  return cost === null
    ? "the price is not known; give --price-in and --price-out"
    : costUsd === null
      ? `about ${dollars(cost)}`
      : dollars(cost)
}

const limitsText = ({ rpm, tpm }: Pick<ModelLoad, "rpm" | "tpm">): string => {
  const limits = [
    ...(rpm === null ? [] : [`${count(rpm)} requests`]),
    ...(tpm === null ? [] : [`${count(tpm)} tokens`]),
  ]
  return limits.length === 0 ? "the service does not tell" : `${limits.join(" and ")} a minute`
}

/**
 * Asks a service one small question about one small generated picture, which is paid for, and tells what came of it: whether
 * key, address and model are right, what the service takes, what the call cost and how long it took.
 *
 * @param service what is asked, for messages: never with what is secret of its address
 */
export const checkService = Effect.fn("ServiceCheck.run")(function* (service: string) {
  const { complete, load } = yield* VisionModel
  const what = `service ${service}`
  const asked = yield* Effect.either(
    Effect.flatMap(halves, (image) => complete({ ...request, images: [image] })),
  )
  if (Either.isLeft(asked)) return [{ what, problem: asked.left.message }] satisfies ReadonlyArray<Check>
  const reply = asked.right
  const limits = load === undefined ? { rpm: null, tpm: null } : yield* load
  const { adjusted, latencyMs, model } = reply
  return [
    checkOf(what, `answered in ${(latencyMs / 1000).toFixed(1)} s as ${model}`),
    ...checkAnswer(reply),
    checkOf("parameters", adjusted.length === 0 ? "taken as they were set" : adjusted.join("; ")),
    checkOf("cost", `${tokensText(reply)}: ${costText(reply)}`),
    checkOf("limits", limitsText(limits)),
  ]
}, Effect.scoped)
