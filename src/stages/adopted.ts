import { join } from "node:path/posix"
import { Effect } from "effect"
import { jsonText, promptDigest, readJson, readText } from "../dataset/store.ts"
import { canonicalJson, sha256 } from "../plan/fingerprint.ts"
import { problemLine } from "../plan/problem.ts"
import { put } from "./put.ts"
import type { Question, StageCall } from "./question.ts"
import { mayKeep, notice, partOf, type RunFacts, stageAdvanced, type VideoRun } from "./run.ts"

/** What the original implementation has left of an answer, if this run may take it over; undefined if there is nothing. */
const originalAnswer = Effect.fn("Stage.originalAnswer")(function* <A>(run: RunFacts, question: Question<A>) {
  const { artefact, check, dir, mayAdopt, previous, stage } = question
  if (!run.isAdopted || !mayAdopt || previous !== undefined) return undefined
  if (!mayKeep(run, stage, partOf(run, question))) return undefined
  const json = yield* readJson(join(dir, artefact))
  return json === undefined ? undefined : { json, verdict: check(json) }
})

/** Its prompts and its reply, which stay as they are; undefined if one is missing. */
const originalTexts = Effect.fn("Stage.originalTexts")(function* ({ dir, files }: Question<unknown>) {
  const system = yield* readText(join(dir, files.systemPrompt))
  const user = yield* readText(join(dir, files.userPrompt))
  const reply = yield* readText(join(dir, files.rawResponse))
  return system === undefined || user === undefined || reply === undefined
    ? undefined
    : { prompts_sha256: promptDigest(system, user), raw_response_sha256: sha256(reply) }
})

/** The answer that a run would take over from the original implementation; undefined if it would ask. Writes nothing. */
export const adoptableAnswer = Effect.fn("Stage.adoptableAnswer")(function* <A>(
  run: RunFacts,
  question: Question<A>,
) {
  const found = yield* originalAnswer(run, question)
  if (found?.verdict.ok !== true || (yield* originalTexts(question)) === undefined) return undefined
  return found.verdict.value
})

/** Takes over an answer of the original implementation, if there is one that passes the checks, and notes it as such. */
export const adoptAnswer = Effect.fn("Stage.adoptAnswer")(function* <A>(run: VideoRun, call: StageCall<A>) {
  const found = yield* originalAnswer(run, call)
  if (found === undefined) return undefined
  const { json, verdict } = found
  if (!verdict.ok) {
    const [first] = verdict.problems
    const why = first === undefined ? "" : ` (${problemLine(first)})`
    yield* notice(run, `the ${call.what} of the original implementation does not pass the checks${why}`)
    return undefined
  }
  const texts = yield* originalTexts(call)
  if (texts === undefined) return undefined
  if (canonicalJson(json) !== canonicalJson(verdict.value))
    yield* put(run, join(call.dir, call.artefact), jsonText(verdict.value))
  yield* call.note({
    status: "completed",
    adopted: true,
    inputs: call.inputs,
    ...texts,
    attempts: 0,
    calls: [],
    warnings: [...verdict.warnings.map(problemLine), "the answer is the original implementation's"],
    wall_time_sec: 0,
  })
  yield* stageAdvanced(run, call.stage, call.what, true)
  return verdict.value
})
