import { expect, test } from "bun:test"
import { join } from "node:path"
import * as v from "valibot"
import { strictSchema } from "../../../src/model/protocols/format.ts"
import { annotationSchemas } from "../../../src/plan/schemas.ts"
import { stages } from "../../../src/stages/list.ts"
import { jsonSchema } from "../../../src/stages/prompts.ts"

/** `TEST_PYTHON` names the Python that has grammar engines: `llguidance`, `outlines_core`, `xgrammar`, `llama_cpp`. */
const python = process.env.TEST_PYTHON ?? "python3"
const compilers = join(import.meta.dir, "grammars.py")

const verdict = v.object({ engine: v.string(), schemas: v.number(), problems: v.array(v.string()) })

const strictSchemas = Object.values(annotationSchemas).flatMap((annotation) =>
  stages.flatMap(({ asks }) =>
    asks === undefined ? [] : [strictSchema(jsonSchema(asks.schema(annotation)))],
  ),
)

const compiled = async (schemas: ReadonlyArray<unknown>) => {
  const child = Bun.spawn([python, compilers], { stdin: "pipe", stdout: "pipe", stderr: "inherit" })
  child.stdin.write(schemas.map((schema) => `${JSON.stringify(schema)}\n`).join(""))
  await child.stdin.end()
  const [text, code] = await Promise.all([new Response(child.stdout).text(), child.exited])
  expect(code).toBe(0)
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => v.parse(verdict, JSON.parse(line)))
}

const hasPython = Bun.which(python) !== null

test.skipIf(!hasPython)(
  "every strict schema compiles in the grammar engines that are installed",
  async () => {
    const verdicts = await compiled(strictSchemas)
    for (const { engine, problems, schemas } of verdicts) {
      expect({ engine, problems, schemas }).toEqual({ engine, problems: [], schemas: strictSchemas.length })
      // What no engine may take shows that they look.
      const [wrong] = (await compiled([{ type: "nothing that there is" }])).filter(
        (one) => one.engine === engine,
      )
      expect(wrong?.problems.length).toBe(1)
    }
    const names = verdicts.map(({ engine }) => engine).join(", ") || "none; set TEST_PYTHON"
    console.log(`grammar engines found by ${python}: ${names}`)
  },
  120_000,
)
