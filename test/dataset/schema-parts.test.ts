import { describe, expect, test } from "bun:test"
import { type SchemaParts, whatDiffers } from "../../src/dataset/schema-parts.ts"
import { sha256 } from "../../src/plan/fingerprint.ts"

const parts = (changes: Partial<SchemaParts> = {}) => {
  const schema_parts: SchemaParts = {
    contract_version: 1,
    annotation_schema: "structured",
    answers: sha256("answers"),
    prompts: { system: sha256("system"), stage1: sha256("stage1"), stage2: sha256("stage2") },
    ...changes,
  }
  const { contract_version, annotation_schema } = schema_parts
  return { contract_version, annotation_schema, schema_parts }
}
const { schema_parts: _, ...early } = parts()

describe("what differs between a folder and a run is named", () => {
  test.each([
    [
      "one prompt",
      parts({ prompts: { ...parts().schema_parts.prompts, stage2: sha256("another") } }),
      "what differs is the prompts (prompts/structured/stage2.md)",
    ],
    [
      "a prompt that is gone and one that is new",
      parts({ prompts: { system: sha256("system"), stage1: sha256("stage1"), common: sha256("c") } }),
      "what differs is the prompts (prompts/structured/common.md, prompts/structured/stage2.md)",
    ],
    ["the answers", parts({ answers: sha256("others") }), "what differs is the form of the answers"],
    ["the contract", parts({ contract_version: 2 }), "what differs is the contract version (2, now 1)"],
    [
      "the annotation schema, whatever else",
      parts({ annotation_schema: "numbered", answers: sha256("others"), prompts: {} }),
      "what differs is the annotation schema (numbered, now structured)",
    ],
    [
      "several",
      parts({ contract_version: 2, answers: sha256("others"), prompts: {} }),
      "what differs is the contract version (2, now 1), the form of the answers and the prompts (prompts/structured/stage1.md, prompts/structured/stage2.md, prompts/structured/system.md)",
    ],
    [
      "what an early folder does not say",
      early,
      "prompts or the form of the answers differ; which of them, its run_summary.json does not say, because an earlier version wrote it",
    ],
    [
      "what an early folder does say",
      { ...early, contract_version: 0 },
      "what differs is the contract version (0, now 1)",
    ],
    ["nothing", parts(), "its parts are the same, so the fingerprint was changed by hand"],
  ])("%s", (_name, made, says) => {
    expect(whatDiffers(made, parts())).toBe(says)
  })
})
