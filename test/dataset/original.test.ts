import { expect, test } from "bun:test"
import { schemaOfDraft } from "../../src/dataset/original.ts"
import { draftReply } from "../support/replies.ts"

test.each(["structured", "numbered"] as const)(
  "the schema %s of a draft is told by its first step",
  (name) => {
    const { steps, ...draft } = draftReply(name)
    const [first] = steps as ReadonlyArray<unknown>
    expect(schemaOfDraft({ ...draft, steps })).toBe(name)
    expect(schemaOfDraft({ ...draft, steps: [first] })).toBe(name)
    expect(schemaOfDraft({ ...draft, steps: [first, {}] })).toBe(name)
  },
)

test.each([undefined, 7, {}, { steps: [] }, { steps: [{ causal_chain: {} }] }])(
  "the schema of %j cannot be told",
  (draft) => {
    expect(schemaOfDraft(draft)).toBeUndefined()
  },
)
