import { expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Either, Layer } from "effect"
import { inProcess as budgetInProcess } from "../../../src/model/client/budget.ts"
import { CallBudget } from "../../../src/model/client/CallBudget.ts"
import { layerShared } from "../../../src/model/client/client.ts"
import { inProcess as gateInProcess } from "../../../src/model/client/gate.ts"
import { VisionModel } from "../../../src/model/VisionModel.ts"
import { completion, startChatServer } from "../../support/chat-server.ts"
import { smallRequest } from "../../support/model-call.ts"

setDefaultTimeout(60_000)

test("two models that are given one gate and one budget share their places and their money", async () => {
  await using server = startChatServer({
    behave: async () => {
      await Bun.sleep(20)
      return completion("{}", "stop", 200)
    },
  })
  const shared = Layer.merge(
    gateInProcess({ maxInFlight: 1 }),
    budgetInProcess({ maxTokensTotal: 8000 }, undefined),
  )
  const modelNamed = (model: string) =>
    layerShared({
      apiBase: server.url,
      model,
      temperature: 0,
      callRetries: 0,
      callRetryBackoffSec: 0,
      maxTokens: 1000,
    })
  const { spent, results } = await Effect.gen(function* () {
    const one = yield* Effect.map(Layer.build(modelNamed("one")), (built) =>
      Effect.provide(VisionModel, built),
    )
    const two = yield* Effect.map(Layer.build(modelNamed("two")), (built) =>
      Effect.provide(VisionModel, built),
    )
    const call = (of: typeof one) =>
      Effect.flatMap(of, ({ complete }) => Effect.either(complete(smallRequest)))
    const results = yield* Effect.all([call(one), call(two), call(one), call(two)], {
      concurrency: "unbounded",
    })
    for (let i = 0; i < 4; i++) results.push(yield* call(i % 2 === 0 ? one : two))
    return { results, spent: yield* Effect.flatMap(CallBudget, (budget) => budget.spent) }
  }).pipe(Effect.scoped, Effect.provide(shared), Effect.runPromise)
  expect(server.mostAtOnce()).toBe(1)
  expect(server.calls.map(({ model }) => model)).toEqual(expect.arrayContaining(["one", "two"]))
  expect(spent.tokens).toBe(1200 * server.calls.length)
  const refused = results.filter(Either.isLeft).map(({ left }) => left.reason)
  expect(refused.length).toBe(results.length - server.calls.length)
  expect(new Set(refused)).toEqual(new Set(["BudgetSpent"]))
})
