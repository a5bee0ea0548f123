import { readFileSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import { answerFrom, answerTo } from "./batch-answers.ts"
import type { HandedIn } from "./batch-server.ts"

/** What `vllm run-batch` makes of a request. */
export type Outcome =
  | { readonly type: "answer" }
  /** An error of the engine, with a status of its own. */
  | { readonly type: "error"; readonly status: number; readonly message: string }
  /** What else went wrong, which it calls 400 whatever it is. */
  | { readonly type: "exception"; readonly message: string }
  /** It has not come to it. */
  | { readonly type: "missing" }

/** The requests in a file. */
export const requestsIn = (path: string): ReadonlyArray<HandedIn & { readonly method: string }> =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))

const resultOf = (request: HandedIn, outcome: Outcome, steps: number): object => {
  const frame = { id: "vllm-1", custom_id: request.custom_id }
  const request_id = "vllm-batch-1"
  if (outcome.type === "error") {
    const error = { message: outcome.message, type: "InternalServerError", param: null, code: outcome.status }
    return { ...frame, response: { status_code: outcome.status, request_id, body: null }, error: { error } }
  }
  if (outcome.type === "exception")
    return { ...frame, response: { status_code: 400, request_id, body: null }, error: outcome.message }
  const body = answerFrom.openai(answerTo(request, steps))
  return { ...frame, response: { status_code: 200, request_id, body }, error: null }
}

/** The lines that `vllm run-batch` writes of a file of requests. */
export const resultLines = (
  input: string,
  outcomeOf: (request: HandedIn, at: number) => Outcome = () => ({ type: "answer" }),
  steps = 4,
): ReadonlyArray<string> =>
  requestsIn(input).flatMap((request, at) => {
    const outcome = outcomeOf(request, at)
    return outcome.type === "missing" ? [] : [JSON.stringify(resultOf(request, outcome, steps))]
  })

/** Answers a file of requests as `vllm run-batch -i INPUT -o OUTPUT` does. */
export const runBatch = (
  input: string,
  output: string,
  outcomeOf?: (request: HandedIn, at: number) => Outcome,
): Promise<void> =>
  writeFile(
    output,
    resultLines(input, outcomeOf)
      .map((line) => `${line}\n`)
      .join(""),
  )
