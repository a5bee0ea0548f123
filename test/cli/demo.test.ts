import { expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { scene } from "../../src/demo/scene.ts"
import { runFolder } from "../support/folders.ts"
import { runCli } from "../support/run-cli.ts"

test("The demo scores itself against what was drawn, as `score` does", async () => {
  const root = runFolder()
  const { code, stdout } = await runCli(["demo", "--output-root", root], {})
  expect(code).toBe(0)
  const [, f1 = "", error = ""] =
    /segment F1 (\S+) at IoU 0\.5, median border error (\S+) s/u.exec(stdout) ?? []
  const rows = scene.steps.map(
    ({ goal }, i) => `robot_table,${scene.boundaries[i]},${scene.boundaries[i + 1]},${goal}\n`,
  )
  const gold = join(root, "gold.csv")
  writeFileSync(gold, `video_id,start_sec,end_sec,label\n${rows.join("")}`)
  const scored = await runCli(["score", "--gold", gold, "--output-root", join(root, "dataset"), "--json"], {})
  const { score } = JSON.parse(scored.stdout)
  expect(Number(f1)).toBeCloseTo(score.segments[2].f1, 2)
  expect(Number(error)).toBeCloseTo(score.boundaries.medianErrorSec, 2)
})
