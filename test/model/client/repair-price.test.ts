import { describe, expect, test } from "bun:test"
import { cheaperRepair, type RepairPricing } from "../../../src/model/client/repair-price.ts"
import { familyOf } from "../../../src/model/families.ts"
import { priceOf } from "../../../src/model/money.ts"
import { protocols } from "../../../src/model/protocols/protocols.ts"
import type { ModelRequest } from "../../../src/model/VisionModel.ts"
import { strictRequest } from "../../support/model-call.ts"

const pictures = (count: number): ModelRequest["images"] =>
  Array.from({ length: count }, () => ({ path: "", bytes: 0, sha256: "", width: 1920, height: 1080 }))

const request: ModelRequest = { ...strictRequest, images: pictures(50) }
const rejected = { answerTokens: 1300, problems: 1 }

const pricingOf = (model: string, changes: Partial<RepairPricing> = {}): RepairPricing => ({
  price: priceOf(model, {}),
  family: familyOf(model),
  sending: {},
  looking: {},
  cache: { isKept: () => false },
  formats: protocols.chat.formats,
  ...changes,
})

describe("the cheaper way to correct an answer", () => {
  test.each(["gpt-4.1", "gpt-5", "gpt-5-mini", "gpt-5.5", "gemini-2.5-flash"])(
    "to %s about 50 pictures is the whole of it: the schema begins what the cache knows",
    (model) => {
      expect(cheaperRepair(request, rejected, "json_schema", pricingOf(model))).toBe("full")
    },
  )

  test("is a patch where a cache does not save as much as a short answer does", () => {
    const few = { ...request, images: pictures(4) }
    expect(cheaperRepair(few, { ...rejected, answerTokens: 3000 }, "json_schema", pricingOf("gpt-5"))).toBe(
      "patch",
    )
    // The more fields are wrong, the less a patch saves.
    const many = { answerTokens: 3000, problems: 40 }
    expect(cheaperRepair(few, many, "json_schema", pricingOf("gpt-5"))).toBe("full")
  })

  test("goes by pictures as they are sent", () => {
    const long = { answerTokens: 5000, problems: 1 }
    const send = (sendMaxSidePx: number) => pricingOf("gpt-5-mini", { sending: { sendMaxSidePx } })
    expect(cheaperRepair(request, long, "json_schema", send(1400))).toBe("full")
    expect(cheaperRepair(request, long, "json_schema", send(512))).toBe("patch")
    const looking = { detail: "low" }
    expect(cheaperRepair(request, long, "json_schema", pricingOf("gpt-5", { looking }))).toBe("patch")
  })

  test.each([
    ["no form changes", "json_object", pricingOf("gpt-5")],
    ["answers are held to no form", "none", pricingOf("gpt-5")],
    ["no price is known", "json_schema", pricingOf("gpt-5", { price: undefined })],
    [
      "reading from the cache saves nothing",
      "json_schema",
      pricingOf("gpt-5", { price: { in: 1, cached: 1, out: 8 } }),
    ],
    ["nothing is kept", "json_schema", pricingOf("gpt-6.1-sol")],
    ["nothing is marked", "json_schema", pricingOf("claude-sonnet-4-5")],
    ["nothing is known of the cache", "json_schema", pricingOf("gpt-5", { family: {} })],
  ] as const)("is a patch where %s", (_why, format, pricing) => {
    expect(cheaperRepair(request, rejected, format, pricing)).toBe("patch")
  })

  test("is the whole answer where the prompt was kept at a price", () => {
    const pricing = pricingOf("claude-sonnet-4-5", {
      cache: { isKept: () => true },
      formats: protocols.anthropic.formats,
    })
    expect(cheaperRepair(request, rejected, "json_schema", pricing)).toBe("full")
  })
})
