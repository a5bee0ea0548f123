import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startBatchServer } from "../../test/support/batch-server.ts"
import { runCli } from "../../test/support/run-cli.ts"
import type { Bill } from "./measure.ts"
import type { VendorModel } from "./rules.ts"
import { makeVendor } from "./service.ts"

interface Line {
  readonly custom_id: string
}

/** The file of results, with the vendor's answers. */
const resultsIn = {
  openai: (lines: ReadonlyArray<unknown>, answers: ReadonlyMap<string, object>) =>
    lines.map((line) => {
      const { custom_id } = line as Line
      const response = { status_code: 200, request_id: "q", body: answers.get(custom_id) }
      return { id: custom_id, custom_id, response, error: null }
    }),
  anthropic: (lines: ReadonlyArray<unknown>, answers: ReadonlyMap<string, object>) =>
    lines.map((line) => {
      const { custom_id } = line as Line
      return { custom_id, result: { type: "succeeded", message: answers.get(custom_id) } }
    }),
} as const

/** Runs the command with `--batch` against a service with the vendor's batch API, and brings its bill. */
export const batchBillFor = async (
  video: string,
  model: VendorModel,
  seed: number,
  flags: ReadonlyArray<string> = [],
): Promise<Bill> => {
  const root = mkdtempSync(join(tmpdir(), "triptych-bench-"))
  const vendor = makeVendor(model, seed)
  const answers = new Map<string, object>()
  const api = model.protocol === "anthropic" ? "anthropic" : "openai"
  await using server = startBatchServer({
    api,
    fateOf: ({ body, custom_id, url = "" }) => {
      answers.set(custom_id, vendor.answer(JSON.stringify(body), url, true))
      return { type: "answer", text: "" }
    },
    fileAs: (lines, name) => (name === "output" ? resultsIn[api](lines, answers) : lines),
  })
  try {
    const { code, stderr } = await runCli([
      ...["pipeline", "--input-video", video, "--output-root", root, "--api-base", server.url],
      ...["--protocol", model.protocol, "--model", model.name, "--cut-mode", "copy"],
      ...["--batch", "--wait", "--batch-poll-sec", "1"],
      ...flags,
    ])
    if (code !== 0) throw new Error(stderr)
    const { bill } = vendor
    return { calls: bill, dollars: bill.reduce((sum, call) => sum + call.dollars, 0), counted: null }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}
