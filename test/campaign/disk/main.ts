import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { temporaryFolder } from "../../support/folders.ts"
import { hostilities } from "./hostile.ts"
import { canTrace } from "./strace.ts"
import { makeTree } from "./tree.ts"
import { tryTree } from "./trial.ts"

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    report: { type: "string", default: "campaign-report/disk.json" },
    list: { type: "boolean", default: false },
  },
})

if (values.list) {
  for (const { id, isRefused } of hostilities) console.log(`${isRefused ? "refused " : "finished"}  ${id}`)
} else {
  await using folder = await temporaryFolder()
  const work = join(folder.path, "work")
  mkdirSync(work)
  if (!canTrace) console.log("strace is not there or not allowed: accesses are judged by hashes alone")
  const tree = await makeTree(folder.path, Number(values.count), Number(values.seed))
  for (const id of tree.left) console.log(`left out, because it cannot be made here: ${id}`)
  const runs = await tryTree(tree, work)
  const refused = tree.cases.filter(({ hostility }) => hostility.isRefused).length
  console.log(`${tree.cases.length} hostile folders, ${refused} of them to be refused`)
  for (const { accesses, code, name, offences, seconds } of runs) {
    const watched = accesses === undefined ? "" : `, ${accesses} file accesses`
    console.log(`${name}: exit code ${code}, ${seconds.toFixed(0)} s${watched}, ${offences.length} offences`)
    for (const offence of offences) console.log(`  ${offence}`)
  }
  mkdirSync(join(values.report, ".."), { recursive: true })
  const cases = tree.cases.map(({ hostility, id, path }) => ({ id, hostility: hostility.id, path }))
  writeFileSync(values.report, `${JSON.stringify({ seed: values.seed, cases, runs }, null, 2)}\n`)
  process.exitCode = runs.every(({ offences }) => offences.length === 0) ? 0 : 1
}
