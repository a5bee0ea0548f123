import { describe, expect, test } from "bun:test"
import type { DraftStep } from "../../src/plan/annotation.ts"
import { checkDraft } from "../../src/plan/draft.ts"
import { problemLine } from "../../src/plan/problem.ts"
import { checkRefined } from "../../src/plan/refined.ts"
import { type AnnotationSchemaName, annotationSchemas } from "../../src/plan/schemas.ts"
import { valueAt, withValue } from "../support/json.ts"
import { draftReply, type Json, refinedReply } from "../support/replies.ts"

const timestamps = Array.from({ length: 10 }, (_, i) => i)

/** A checked draft as plain JSON with what was said about it; throws if it was rejected. */
const draft = (annotation: AnnotationSchemaName, json: unknown) => {
  const verdict = checkDraft(annotationSchemas[annotation], json)
  if (!verdict.ok) throw new Error(verdict.problems.map(problemLine).join("\n"))
  return { value: verdict.value, said: verdict.warnings.map(problemLine) }
}

/** The same for a refined step. */
const refined = (annotation: AnnotationSchemaName, json: unknown) => {
  const [step] = draft(annotation, draftReply(annotation)).value.steps
  const verdict = checkRefined(annotationSchemas[annotation], step as DraftStep, timestamps, json)
  if (!verdict.ok) throw new Error(verdict.problems.map(problemLine).join("\n"))
  return { value: verdict.value, said: verdict.warnings.map(problemLine) }
}

const goodRefined = (annotation: AnnotationSchemaName): Json => {
  const [step = {}] = draftReply(annotation).steps as ReadonlyArray<Json>
  return refinedReply(annotation, step, [2, 8])
}

const statements = "steps.0.causal_chain.causal_effect_on_spatial"

describe("statements are numbered and end in full stops", () => {
  const wanted = "1. The cube is up.\n2. The arm holds it."
  test.each([
    ["without numbers", "The cube is up.\nThe arm holds it."],
    ["with bullets", "- The cube is up.\n* The arm holds it."],
    ["with dots as bullets", "• The cube is up.\n• The arm holds it."],
    ["with parentheses", "1) The cube is up.\n(2) The arm holds it."],
    ["with colons", "1: The cube is up.\n2: The arm holds it."],
    ["with numbers that do not count up", "1. The cube is up.\n3. The arm holds it."],
    ["from two on", "2. The cube is up.\n3. The arm holds it."],
    ["without full stops", "1. The cube is up\n2. The arm holds it"],
    ["with semicolons", "1. The cube is up;\n2. The arm holds it;"],
    ["with ideographic full stops", "1、The cube is up。\n2、The arm holds it。"],
    ["without a blank after the number", "1.The cube is up.\n2.The arm holds it."],
    ["with bullets before numbers", "- 1. The cube is up.\n- 2. The arm holds it."],
    ["with line breaks written out", "1. The cube is up.\\n2. The arm holds it."],
    ["with Windows line breaks and empty lines", "The cube is up.\r\n\r\nThe arm holds it.\r\n"],
    ["with a separator of lines that is no line break", "The cube is up.\u2028The arm holds it."],
    ["as a list", ["The cube is up", "2. The arm holds it."]],
  ])("%s", (_name, given) => {
    const { value, said } = draft("numbered", withValue(draftReply("numbered"), statements, given))
    expect(valueAt(value, statements)).toBe(wanted)
    expect(said).toEqual([
      "$.steps[0].causal_chain.causal_effect_on_spatial: was written as numbered statements that end in full stops",
    ])
  })

  test.each([
    ["3.5 cm of the bolt stand out", "1. 3.5 cm of the bolt stand out."],
    ["1:4 is the ratio", "1. 1:4 is the ratio."],
    ["12 screws lie in the tray", "1. 12 screws lie in the tray."],
    ["1. 5 screws lie in the tray", "1. 5 screws lie in the tray."],
    ["1. \uFEFFThe cup is up", "1. The cup is up."],
    ["Is it up?", "1. Is it up?."],
  ])("a number that belongs to the sentence stays: %s", (given, wanted) => {
    const { value } = draft("numbered", withValue(draftReply("numbered"), statements, given))
    expect(valueAt(value, statements)).toBe(wanted)
  })

  test.each([
    "causal_precondition_on_spatial",
    "causal_precondition_on_affordance",
    "causal_effect_on_spatial",
    "causal_effect_on_affordance",
  ])("in %s", (field) => {
    const given = withValue(draftReply("numbered"), `steps.1.causal_chain.${field}`, "- The cube is up")
    const { value, said } = draft("numbered", given)
    expect(valueAt(value, `steps.1.causal_chain.${field}`)).toBe("1. The cube is up.")
    expect(said).toEqual([
      `$.steps[1].causal_chain.${field}: was written as numbered statements that end in full stops`,
    ])
  })

  test("white space alone is not worth a word", () => {
    const given = " 1. The cube is up. \n\n 2. The arm holds it.\n"
    const { value, said } = draft("numbered", withValue(draftReply("numbered"), statements, given))
    expect(valueAt(value, statements)).toBe(wanted)
    expect(said).toEqual([])
  })
})

describe("the other annotation schema's shape of a keyframe is read", () => {
  const interaction = "critical_frames.0.interaction"
  const flat = valueAt(goodRefined("numbered"), interaction)

  test.each([
    ["a nested hotspot", { hotspot: flat }],
    [
      "a nested hotspot with tools and materials",
      { tools: ["robot_arm"], materials: ["red_cube"], hotspot: flat },
    ],
    ["both, with the same text", { ...(flat as Json), hotspot: flat }],
  ])("%s", (_name, given) => {
    const { value, said } = refined("numbered", withValue(goodRefined("numbered"), interaction, given))
    expect(valueAt(value, interaction)).toEqual(flat)
    expect(said).toEqual([
      "$.critical_frames[0].interaction: had a nested hotspot, whose fields were taken up",
    ])
  })

  test("agent, action and patient that repeat the step's", () => {
    const json = ["agent", "action", "patient"].reduce(
      (step, role) =>
        withValue(step, `critical_frames.1.causal_chain.${role}`, valueAt(step, `causal_chain.${role}`)),
      goodRefined("numbered"),
    )
    const { value, said } = refined("numbered", json)
    expect(Object.keys(valueAt(value, "critical_frames.1.causal_chain") as Json)).toHaveLength(4)
    expect(said).toEqual(
      ["agent", "action", "patient"].map(
        (role) => `$.critical_frames[1].causal_chain.${role}: repeated the step's and was left out`,
      ),
    )
  })

  test("but two texts for one field are a question", () => {
    const given = { ...(flat as Json), hotspot: { ...(flat as Json), mechanism: "Another one." } }
    expect(() => refined("numbered", withValue(goodRefined("numbered"), interaction, given))).toThrow(
      "$.critical_frames[0].interaction.hotspot",
    )
  })
})

describe("steps of a draft are numbered 1..n", () => {
  const withIds = (ids: ReadonlyArray<unknown>): Json => {
    const json = draftReply("structured", ids.length)
    return ids.reduce<Json>((plan, id, i) => withValue(plan, `steps.${i}.step_id`, id), json)
  }
  const goals = (json: unknown) => [0, 1, 2, 3].map((i) => valueAt(json, `steps.${i}.step_goal`))

  test.each([
    ["in the order of the ids", [2, 1, 3, 4], [1, 0, 2, 3], "$.steps: stood in the order 2, 1, 3, 4"],
    ["with gaps", [1, 3, 5, 9], [0, 1, 2, 3], "$.steps: had the step_ids 1, 3, 5, 9"],
    ["from 0 on", [0, 1, 2, 3], [0, 1, 2, 3], "$.steps: had the step_ids 0, 1, 2, 3"],
    ["in tens", [10, 20, 30, 40], [0, 1, 2, 3], "$.steps: had the step_ids 10, 20, 30, 40"],
    ["with gaps, as they stand", [5, 1, 3, 9], [0, 1, 2, 3], "$.steps: had the step_ids 5, 1, 3, 9"],
  ])("%s", (_name, ids, order, says) => {
    const given = withIds(ids)
    const { value, said } = draft("structured", given)
    expect(value.steps.map(({ step_id }) => step_id)).toEqual([1, 2, 3, 4])
    expect(goals(value)).toEqual(order.map((i) => goals(given)[i]))
    expect(said).toHaveLength(1)
    expect(said[0]).toStartWith(says)
  })

  test("also where the numbers are text", () => {
    const { value, said } = draft("structured", withIds(["1", "2", "3", "4"]))
    expect(value.steps.map(({ step_id }) => step_id)).toEqual([1, 2, 3, 4])
    expect(said).toHaveLength(4)
  })
})

describe("a token is written in snake_case", () => {
  test("the relation of a keyframe, which is named by its own path", () => {
    const path = "critical_frames.1.causal_chain.causal_effect_on_spatial.0.relation"
    const { value, said } = refined("structured", withValue(goodRefined("structured"), path, "held by"))
    expect(valueAt(value, path)).toBe("held_by")
    expect(said).toEqual([
      "$.critical_frames[1].causal_chain.causal_effect_on_spatial[0].relation: was written as a snake_case token",
    ])
  })

  const relation = "steps.0.causal_chain.causal_effect_on_spatial.0.relation"
  test.each([
    ["on top of", "on_top_of"],
    ["On Top Of", "on_top_of"],
    ["on-top-of", "on_top_of"],
    [" on  top\tof. ", "on_top_of"],
    ["_on_top__of_", "on_top_of"],
    ['"on top of"', "on_top_of"],
    ["左侧 靠近", "左侧_靠近"],
  ])("the relation %p", (given, wanted) => {
    const { value, said } = draft("structured", withValue(draftReply("structured"), relation, given))
    expect(valueAt(value, relation)).toBe(wanted)
    expect(said).toEqual([
      "$.steps[0].causal_chain.causal_effect_on_spatial[0].relation: was written as a snake_case token",
    ])
  })

  test.each([
    ["structured", "critical_frames.0.interaction.hotspot.affordance_type"],
    ["numbered", "critical_frames.0.interaction.affordance_type"],
  ] as const)("the affordance type of a keyframe, %s", (annotation, path) => {
    const json = withValue(goodRefined(annotation), path, "Can be gripped")
    expect(valueAt(refined(annotation, json).value, path)).toBe("can_be_gripped")
  })

  test.each(["on=>table", "on(table)", "in/on", "left & right"])(
    "but not %p, which may mean anything",
    (given) => {
      expect(() => draft("structured", withValue(draftReply("structured"), relation, given))).toThrow(
        "snake_case",
      )
    },
  )
})

test("statements and a repeated agent of a keyframe are named by its own path", () => {
  const chain = "critical_frames.1.causal_chain"
  const json = withValue(goodRefined("numbered"), `${chain}.causal_effect_on_spatial`, "cube is up")
  const agent = valueAt(json, "causal_chain.agent")
  const { value, said } = refined("numbered", withValue(json, `${chain}.agent`, agent))
  expect(valueAt(value, `${chain}.causal_effect_on_spatial`)).toBe("1. cube is up.")
  expect(said).toEqual([
    "$.critical_frames[1].causal_chain.causal_effect_on_spatial: was written as numbered statements that end in full stops",
    "$.critical_frames[1].causal_chain.agent: repeated the step's and was left out",
  ])
})

describe("small things", () => {
  test("a question may begin with what if in any case", () => {
    const path = "steps.0.counterfactual_challenge_question"
    const { value } = draft("numbered", withValue(draftReply("numbered"), path, "WHAT IF it slipped?"))
    expect(valueAt(value, path)).toBe("What if it slipped?")
  })

  test("the action of a keyframe may differ from the step's in white space", () => {
    const path = "critical_frames.0.causal_chain.action"
    const { value, said } = refined(
      "structured",
      withValue(goodRefined("structured"), path, "grip  and\nlift"),
    )
    expect(valueAt(value, path)).toBe("grip and lift")
    expect(said).toHaveLength(1)
  })

  test.each([
    ["halves of surrogate pairs", "The cup \uD83E is held.", "The cup \uFFFD is held."],
    ["U+0000", "The cup\0is held.", "The cup is held."],
    ["escape sequences", "The \u001B[31mcup\u009B0m is held.", "The  [31mcup 0m is held."],
    ["byte order marks", "The \uFEFFcup is held.", "The cup is held."],
  ])("%s are replaced, and it is said", (_name, given, wanted) => {
    const { value, said } = draft("structured", { ...draftReply("structured"), high_level_goal: given })
    expect(value.high_level_goal).toBe(wanted)
    expect(said).toEqual([
      "$.high_level_goal: has control characters or halves of characters, which were replaced",
    ])
  })

  test("what was normalised stays so, and nothing more is said of it", () => {
    const messy = withValue(draftReply("numbered"), statements, ["cube up", "- arm holds it"])
    const once = draft("numbered", withValue(messy, "steps.0.step_id", 7)).value
    expect(draft("numbered", JSON.parse(JSON.stringify(once)))).toEqual({ value: once, said: [] })
  })

  test("a goal of more than twelve words is accepted with a warning", () => {
    const goal = "Put the red cup on the small blue plate beside the white jug"
    const { said } = draft("structured", withValue(draftReply("structured"), "steps.0.step_goal", goal))
    expect(said).toEqual(["$.steps[0].step_goal: 13 words; at most 12 are preferred"])
    const twelve = goal.replace(" white", "")
    expect(
      draft("structured", withValue(draftReply("structured"), "steps.0.step_goal", twelve)).said,
    ).toEqual([])
  })

  test("goals that differ only in case differ", () => {
    const json = withValue(draftReply("structured"), "steps.0.step_goal", "wipe")
    expect(draft("structured", withValue(json, "steps.1.step_goal", "Wipe")).said).toEqual([])
  })
})

test("nothing at all is no object, and not a missing field", () => {
  const verdict = checkDraft(annotationSchemas.structured, undefined)
  expect(!verdict.ok && verdict.problems.map(problemLine)).toEqual(["$: must be an object, not undefined"])
})
