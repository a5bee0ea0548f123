import { describe, expect, test } from "bun:test"
import { Effect, Redacted } from "effect"
import { ask } from "../../src/model/ask.ts"
import * as Client from "../../src/model/client/client.ts"
import { checkDraft } from "../../src/plan/draft.ts"
import { checkLocalization } from "../../src/plan/localization.ts"
import { problemLine } from "../../src/plan/problem.ts"
import { annotationSchemas } from "../../src/plan/schemas.ts"
import { draftTask } from "../../src/stages/draft.ts"
import { startChatServer } from "../support/chat-server.ts"
import { checkOf, goodReply, type RuleCase, ruleCases } from "./rule-cases.ts"

/** Asks a real server that answers with `broken` first and with the good reply when told what is wrong. */
const askTwice = async (rule: RuleCase) => {
  const good = JSON.stringify(goodReply(rule.stage, rule.annotation))
  const broken = typeof rule.broken === "string" ? rule.broken : JSON.stringify(rule.broken)
  await using server = startChatServer({ behave: (call) => (call.turns.length === 0 ? broken : good) })
  const model = Client.layer({
    apiKey: Redacted.make("key-for-tests"),
    apiBase: server.url,
    model: "loopback-vlm",
    temperature: 0.2,
    callRetries: 0,
    callRetryBackoffSec: 0,
  })
  const request = {
    videoId: "video",
    task: draftTask(annotationSchemas[rule.annotation]),
    system: "system",
    prompt: "# Task: draft",
    images: [],
  }
  const asked = ask({
    request,
    check: checkOf(rule),
    retries: 1,
    repair: "full",
    recall: () => Effect.succeed(undefined),
    keep: () => Effect.void,
    record: () => Effect.void,
  })
  const answer = await Effect.runPromise(Effect.provide(asked, model))
  return { answer, calls: server.calls }
}

describe("a reply that breaks one rule is rejected by it, told so, and accepted once corrected", () => {
  test.each(ruleCases.map((rule) => [rule.name, rule] as const))("%s", async (_name, rule) => {
    const { answer, calls } = await askTwice(rule)
    const [rejected, accepted] = answer.attempts
    expect(rejected?.problems.map(({ path, code }) => ({ path, code }))).toEqual([
      { path: rule.path, code: rule.code },
    ])
    expect(rejected?.problems[0]?.message).toContain(rule.says)
    expect(accepted?.problems).toEqual([])
    const told = calls[1]?.turns.at(-1)
    expect(told?.role).toBe("user")
    expect(told?.text).toContain(`${rule.path}: ${rejected?.problems[0]?.message}`)
  })
})

describe("a good reply", () => {
  test.each(
    (["structured", "numbered"] as const).flatMap((annotation) =>
      (["draft", "localize", "refine"] as const).map((stage) => [annotation, stage] as const),
    ),
  )("%s, %s passes without a warning", (annotation, stage) => {
    const verdict = checkOf({ annotation, stage })(goodReply(stage, annotation))
    expect(verdict.ok && verdict.warnings).toEqual([])
  })
})

describe("all problems are reported at once", () => {
  test("of kinds and places that have nothing to do with each other", () => {
    const broken = {
      high_level_goal: "TBD",
      extra: 1,
      another: 2,
      steps: [{ step_id: 4, step_goal: "In frame 3 at 2.5s", colour: "red", shade: "dark" }],
    }
    const verdict = checkDraft(annotationSchemas.structured, broken)
    const found = verdict.ok ? [] : verdict.problems.map(({ path, code }) => `${path} ${code}`)
    expect(found).toEqual(
      expect.arrayContaining([
        "$.high_level_goal placeholder_text",
        "$.extra unknown_key",
        "$.another unknown_key",
        "$.steps[0].colour unknown_key",
        "$.steps[0].shade unknown_key",
        "$.steps step_count",
        "$.steps[0].step_goal frame_reference",
        "$.steps[0].step_goal time_reference",
        "$.steps[0].rationale missing",
        "$.steps[0].causal_chain missing",
      ]),
    )
  })

  test("of the steps that are not in the plan and of those that are missing", () => {
    const context = { stepIds: [1, 2, 3], boundarySeconds: [0, 1, 2, 3, 4], framesWithin: () => 2 }
    const verdict = checkLocalization(context, {
      steps: [1, 7].map((i, at) => ({
        step_id: i,
        start_frame_index: 2 * at + 1,
        end_frame_index: 2 * at + 3,
      })),
    })
    expect(verdict.ok ? [] : verdict.problems.map(problemLine)).toEqual([
      "$.steps[1].step_id: there is no step 7 in the plan",
      "$.steps: no entry for step 2, 3",
    ])
  })

  test("of both ends of a range and of their order, and nothing of what a wrong range would hold", () => {
    const context = { stepIds: [1], boundarySeconds: [0, 1, 2, 3], framesWithin: () => 0 }
    const verdict = checkLocalization(context, {
      steps: [{ step_id: 1, start_frame_index: 9, end_frame_index: 1 }],
    })
    const found = verdict.ok ? [] : verdict.problems.map(({ path, code }) => `${path} ${code}`)
    expect(found).toEqual([
      "$.steps[0].start_frame_index index_range",
      "$.steps[0].end_frame_index index_range",
      "$.steps[0].end_frame_index empty_range",
    ])
  })

  test("a step that holds a single frame of the video is too short for two keyframes", () => {
    const context = {
      stepIds: [1, 2, 3],
      boundarySeconds: [0, 1, 2, 3],
      framesWithin: (a: number, b: number) => b - a,
    }
    const verdict = checkLocalization(context, {
      steps: [1, 2, 3].map((i) => ({ step_id: i, start_frame_index: i, end_frame_index: i + 1 })),
    })
    expect(verdict.ok ? [] : verdict.problems.map(({ code }) => code)).toEqual([
      "too_short",
      "too_short",
      "too_short",
    ])
  })
})

describe("texts that only look like references are left alone", () => {
  test.each([
    "Hang the picture frame on the wall.",
    "Lift the door out of its frame.",
    "A 3 mm gap stays between the 2 boards.",
    "Mix it in a ratio of 1:4.",
    "The glass is three quarters full.",
    "The first step needs a firm grip.",
    "Lay the second 2x4 beside the first.",
    "The 12 screws lie in the tray.",
    "None of the parts moves.",
    "Its shape is unknown to the gripper.",
    "The robot's 2's label faces the camera.",
  ])("%s", (words) => {
    const good = goodReply("draft", "structured")
    const verdict = checkDraft(annotationSchemas.structured, { ...good, high_level_goal: words })
    expect(verdict.ok ? [] : verdict.problems).toEqual([])
  })
})

describe("normalisation", () => {
  test("puts the ranges of a localization in the order of their steps", () => {
    const steps = [1, 2, 3].map((i) => ({ step_id: i, start_frame_index: 2 * i, end_frame_index: 2 * i + 2 }))
    const context = {
      stepIds: [1, 2, 3],
      boundarySeconds: Array.from({ length: 9 }, (_, i) => i),
      framesWithin: () => 2,
    }
    for (const order of [steps, steps.toReversed(), [...steps.slice(1), ...steps.slice(0, 1)]])
      expect(checkLocalization(context, { steps: order })).toMatchObject({ ok: true, value: { steps } })
  })

  test("turns names into slugs and lists into lists without repetitions, in order", () => {
    const good = goodReply("draft", "structured")
    const text = JSON.stringify(good)
      .replaceAll('"red_cube"', '" Red Cube "')
      .replaceAll('["graspable","liftable"]', '["Liftable","graspable","liftable"]')
    const verdict = checkDraft(annotationSchemas.structured, JSON.parse(text))
    const chain = verdict.ok ? verdict.value.steps[0]?.causal_chain : undefined
    expect(chain).toMatchObject({
      patient: "red_cube",
      causal_precondition_on_affordance: [
        { object_name: "red_cube", affordance_types: ["liftable", "graspable"] },
      ],
    })
  })

  test.each(["structured", "numbered"] as const)(
    "%s: what is written is what a second pass writes",
    (annotation) => {
      const messy = JSON.parse(
        JSON.stringify(goodReply("draft", annotation))
          .replaceAll('"robot_arm"', '"Robot-Arm "')
          .replaceAll(".\\n2", ". \\n\\n 2"),
      )
      const once = checkDraft(annotationSchemas[annotation], messy)
      if (!once.ok) throw new Error(JSON.stringify(once.problems))
      const twice = checkDraft(annotationSchemas[annotation], JSON.parse(JSON.stringify(once.value)))
      expect(JSON.stringify(twice.ok && twice.value)).toBe(JSON.stringify(once.value))
      expect(JSON.stringify(once.value)).not.toBe(JSON.stringify(messy))
    },
  )
})
