import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { openVideo } from "../../src/dataset/open.ts"
import { annotationSchemaNames } from "../../src/plan/schemas.ts"
import { asksOutcome, type Behaviour, startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { runCli } from "../support/run-cli.ts"

setDefaultTimeout(120_000)

const words = ["succeeded", "failed", "unclear", "Success."]
const recorded = ["succeeded", "failed", "unclear", "succeeded"]

/** Says how each step ended, where that is asked; step 2 only when it is asked again. */
const telling: Behaviour = ({ prompt, stepId = 0, turns }, good) => {
  if (!asksOutcome(prompt)) return good
  const { outcome: _, ...untold }: Record<string, unknown> = JSON.parse(good)
  return JSON.stringify(
    stepId === 2 && turns.length === 0 ? untold : { ...untold, outcome: words[stepId - 1] },
  )
}

describe.each([...annotationSchemaNames])("--outcome in %s", (annotation) => {
  test("is asked of each step, checked, recorded, validated, and never dropped without a word", async () => {
    await using place = await temporaryFolder()
    await using server = startChatServer({ annotation, steps: 4, behave: telling })
    const video = await makeVideo({ dir: place.path, name: "cup.mp4", frames: 48 })
    const root = join(place.path, "out")
    const plain = [
      ...["pipeline", "--input-video", video, "--output-root", root, "--api-base", server.url],
      ...[
        "--model",
        "loopback-vlm",
        "--max-frames",
        "8",
        "--annotation-schema",
        annotation,
        "--repair",
        "full",
      ],
    ]
    const command = [...plain, "--outcome"]
    const dry = await runCli([...command, "--dry-run"])
    expect(dry.stdout).toContain("calls")
    expect((await runCli(command)).code).toBe(0)
    expect(server.calls).toHaveLength(2 + 4 + 1)
    const told = server.calls.filter(({ prompt }) => asksOutcome(prompt))
    expect(told.map(({ stage }) => stage)).toEqual([3, 3, 3, 3, 3])
    expect(server.calls.find(({ turns }) => turns.length > 0)?.turns.at(-1)?.text).toContain("outcome")
    const file = join(root, "cup/causal_plan_with_keyframes.json")
    const text = readFileSync(file, "utf8")
    const plan: { readonly steps: ReadonlyArray<{ readonly outcome: string }> } = JSON.parse(text)
    expect(plan.steps.map(({ outcome }) => outcome)).toEqual(recorded)
    const opened = await Effect.runPromise(openVideo(join(root, "cup")))
    expect(opened.steps.map(({ annotation: { outcome } }) => String(outcome))).toEqual(recorded)
    expect((await runCli(["validate", root, "--quick"])).code).toBe(0)
    // Nothing is asked twice, and another wording is refused with the flag.
    expect((await runCli(command)).code).toBe(0)
    const other = await runCli(plain)
    expect([other.code, other.stderr]).toEqual([
      1,
      expect.stringContaining("the outcome of steps (asked for, now not asked for)"),
    ])
    expect(other.stderr).toContain("--outcome")
    expect(server.calls).toHaveLength(2 + 4 + 1)
    expect(readFileSync(file, "utf8")).toBe(text)
    const final = join(root, "cup/02_place_the_red_cube_on_the_blue_block/step_final.json")
    writeFileSync(final, readFileSync(final, "utf8").replace('"outcome": "failed"', '"outcome": "partly"'))
    const found = await runCli(["validate", root, "--quick"])
    expect([found.code, found.stdout]).toEqual([1, expect.stringContaining('"unclear", not "partly"')])
  })

  test("a folder without it is refused with the flag, and a rehearsal says that nobody could tell", async () => {
    await using place = await temporaryFolder()
    const video = await makeVideo({ dir: place.path, name: "cup.mp4", frames: 48 })
    const root = join(place.path, "out")
    const command = [
      ...["pipeline", "--input-video", video, "--output-root", root, "--rehearsal"],
      ...["--max-frames", "8", "--annotation-schema", annotation],
    ]
    expect((await runCli(command)).code).toBe(0)
    const plan = join(root, "cup/causal_plan_with_keyframes.json")
    expect(readFileSync(plan, "utf8")).not.toContain('"outcome"')
    expect(readFileSync(join(root, "cup/run_summary.json"), "utf8")).not.toContain('"outcome"')
    const added = await runCli([...command, "--outcome"])
    expect([added.code, added.stderr]).toEqual([
      1,
      expect.stringContaining("the outcome of steps (not asked for, now asked for)"),
    ])
    expect((await runCli([...command, "--outcome", "--overwrite"])).code).toBe(0)
    expect(readFileSync(plan, "utf8").match(/"outcome": "unclear"/gu)).toHaveLength(4)
    expect((await runCli(["validate", root, "--quick"])).code).toBe(0)
  })
})
