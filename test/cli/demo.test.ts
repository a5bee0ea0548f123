import { expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { scene } from "../../src/demo/scene.ts"
import { runFolder } from "../support/folders.ts"
import { runCli } from "../support/run-cli.ts"

// A whole video is drawn.
setDefaultTimeout(240_000)

const json = (path: string) => JSON.parse(readFileSync(path, "utf8"))

/** A picture without its pixels, which another encoder may round otherwise. */
const withoutPixels = (svg: string): string => svg.replaceAll(/base64,[^"]*/gu, "")

test("The demo gives answers that were written by hand through the checks, says so, and scores them as `score` does", async () => {
  const root = runFolder()
  const { code, stdout } = await runCli(["demo", "--output-root", root], {})
  expect(code).toBe(0)
  const folder = join(root, "dataset/robot_table")
  const note = "These answers were written by hand for the drawn demo video; no model was asked."
  const summary = json(join(folder, "run_summary.json"))
  expect(summary.rehearsal).toBe(false)
  expect(summary.api_config).toEqual({ kind: "written_by_hand", model: "answers written by hand", note })
  expect(stdout).toContain("No model is asked: the answers were written by hand")
  // One reply each was asked for, kept and checked, as of any model.
  const outcomes = [summary.stage1, summary.stage2, ...summary.stage3.steps]
  expect(outcomes.map(({ status, calls, warnings }) => [status, calls.length, warnings])).toEqual(
    outcomes.map(() => ["completed", 1, []]),
  )
  const reply = json(join(folder, "stage1/stage1_raw_response.txt"))
  expect(json(join(folder, "stage1/draft_plan.json"))).toEqual(reply)
  const plan = json(join(folder, "causal_plan_with_keyframes.json"))
  expect(plan.steps.map(({ step_goal }: { step_goal: string }) => step_goal)).toEqual(
    scene.steps.map(({ goal }) => goal),
  )

  const [, f1 = "", error = ""] =
    /segment F1 (\S+) at IoU 0\.5, median boundary error (\S+) s/u.exec(stdout) ?? []
  const rows = scene.steps.map(
    ({ goal }, i) => `robot_table,${scene.boundaries[i]},${scene.boundaries[i + 1]},${goal}\n`,
  )
  const gold = join(root, "gold.csv")
  writeFileSync(gold, `video_id,start_sec,end_sec,label\n${rows.join("")}`)
  const scored = await runCli(["score", "--gold", gold, "--output-root", join(root, "dataset"), "--json"], {})
  const { score } = JSON.parse(scored.stdout)
  expect(score.segments[2].f1).toBe(1)
  expect(Number(f1)).toBeCloseTo(score.segments[2].f1, 2)
  expect(Number(error)).toBeCloseTo(score.boundaries.medianErrorSec, 2)
  expect(score.boundaries.medianErrorSec).toBeLessThan(0.3)

  // What it shows is there, and the README shows the same.
  const named = [...stdout.matchAll(/^ {2}(\/\S+) {2}/gmu)].map((match) => match[1] ?? "")
  expect(named.filter((path) => !existsSync(path))).toEqual([])
  expect(named).toHaveLength(5)
  const picture = readFileSync(join(root, "step_4.svg"), "utf8")
  const shown = readFileSync(join(import.meta.dir, "../../docs/demo-step.svg"), "utf8")
  expect(withoutPixels(picture)).toBe(withoutPixels(shown))
})
