import { expect, test } from "bun:test"
import { makeEstimator } from "../../src/model/estimate.ts"
import { pictureTokensOf } from "../../src/model/tokens.ts"
import { type ModelRequest, type ModelUsage, noUsage } from "../../src/model/VisionModel.ts"
import { checkDraft } from "../../src/plan/draft.ts"
import { annotationSchemas } from "../../src/plan/schemas.ts"
import { draftTask } from "../../src/stages/draft.ts"
import { localizationTask } from "../../src/stages/localize.ts"
import { stepTask } from "../../src/stages/step-inquiry.ts"
import { draftReply } from "../support/replies.ts"

/** Pictures of a model that nobody knows. */
const byArea = pictureTokensOf({})

/** 100 + 50 + 10 tokens of text, two pictures of 308 with a label of 2. */
const request: ModelRequest = {
  videoId: "cup",
  task: localizationTask({ stepIds: [1], boundarySeconds: [0, 1] }),
  system: "s".repeat(400),
  prompt: "p".repeat(200),
  turns: [{ role: "user", text: "t".repeat(40) }],
  images: [1, 2].map((number) => ({
    label: `Frame ${number}`,
    path: "/nowhere.jpg",
    bytes: 1,
    sha256: "",
    width: 640,
    height: 360,
  })),
  attempt: 1,
}

const usage = (prompt_tokens: number | null, completion_tokens: number | null): ModelUsage => ({
  ...noUsage,
  prompt_tokens,
  completion_tokens,
})

test("a first estimate goes by texts, pictures and labels, and by how long answers of the stage are", () => {
  const estimator = makeEstimator(undefined, byArea)
  expect(estimator.estimate(request)).toEqual({
    prompt_tokens: 100 + 50 + 10 + 2 * (308 + 2),
    cached_tokens: 0,
    completion_tokens: 400,
    reasoning_tokens: null,
  })
  const { label: _label, ...bare } = request.images[0] ?? {
    path: "",
    bytes: 0,
    sha256: "",
    width: 0,
    height: 0,
  }
  expect(estimator.estimate({ ...request, images: [bare] }).prompt_tokens).toBe(160 + 308)
})

test("no answer is longer than its limit: the one raised for it, else the one set", () => {
  const estimator = makeEstimator(300, byArea)
  expect(estimator.estimate(request).completion_tokens).toBe(300)
  expect(estimator.estimate({ ...request, maxTokens: 350 }).completion_tokens).toBe(350)
})

test("a rate limit is charged 500 tokens for the first answer of a stage, then what answers take", () => {
  const estimator = makeEstimator(undefined, byArea)
  expect(estimator.reserved(request, usage(1000, 400))).toBe(1500)
  expect(estimator.reserved(request, usage(null, 400))).toBe(500)
  estimator.learn(request, usage(780, 100))
  expect(estimator.reserved(request, usage(1000, 400))).toBe(1400)
  expect(estimator.reserved(request, usage(1000, null))).toBe(1000)
})

test("counts correct the estimate: the first one wholly, later ones by their share, the newest at least by a fifth", () => {
  const estimator = makeEstimator(undefined, byArea)
  const see = (times: number, completion: number) => {
    const before = estimator.estimate(request)
    estimator.learn(request, usage((before.prompt_tokens ?? 0) * times, completion))
    return estimator.estimate(request)
  }
  expect(see(2, 100)).toMatchObject({ prompt_tokens: 1560, completion_tokens: 100 })
  // The mean of 1 x and 2 x the estimate.
  expect(see(2, 200)).toMatchObject({ prompt_tokens: 2340, completion_tokens: 150 })
  expect(see(1, 300)).toMatchObject({ prompt_tokens: 2340, completion_tokens: 200 })
  expect(see(1, 200)).toMatchObject({ completion_tokens: 200 })
  for (let more = 0; more < 3; more++) see(1, 200)
  expect(see(1, 1200)).toMatchObject({ completion_tokens: 400 })
})

test("what was not counted corrects nothing", () => {
  const estimator = makeEstimator(undefined, byArea)
  estimator.learn(request, noUsage)
  estimator.learn({ ...request, system: "", prompt: "", turns: [], images: [] }, usage(780, null))
  expect(estimator.estimate(request)).toMatchObject({ prompt_tokens: 780, completion_tokens: 400 })
})

test("answers of calls that were under way together correct it as one after the other would", () => {
  const estimator = makeEstimator(undefined, byArea)
  for (let call = 0; call < 5; call++) estimator.learn(request, usage(390, 200))
  expect(estimator.estimate(request)).toMatchObject({ prompt_tokens: 390, completion_tokens: 200 })
})

test("each stage has a correction of its own, and one that is not seen yet the highest of the others", () => {
  const estimator = makeEstimator(undefined, byArea)
  const annotation = annotationSchemas.structured
  const plan = checkDraft(annotation, draftReply("structured"))
  const step = plan.ok ? plan.value.steps[0] : undefined
  if (step === undefined) throw new Error("the draft has no steps")
  const draft: ModelRequest = { ...request, task: draftTask(annotation) }
  const refine: ModelRequest = {
    ...request,
    task: stepTask(annotation, step, [0, 1]),
  }
  estimator.learn(draft, usage(1560, 200))
  expect(estimator.estimate(refine).prompt_tokens).toBe(1560)
  estimator.learn(request, usage(390, 200))
  expect(estimator.estimate(refine).prompt_tokens).toBe(1560)
  estimator.learn(refine, usage(780, 200))
  expect([draft, request, refine].map((each) => estimator.estimate(each).prompt_tokens)).toEqual([
    1560, 390, 780,
  ])
})
