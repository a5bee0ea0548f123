import { describe, expect, test } from "bun:test"
import { differingParts, partsOf, requestDigest } from "../../src/model/request.ts"
import type { ApiConfig, ModelRequest } from "../../src/model/VisionModel.ts"
import { smallRequest } from "../support/model-call.ts"

const picture = { path: "/a.jpg", bytes: 10, sha256: "a".repeat(64), width: 8, height: 8 }
const request: ModelRequest = { ...smallRequest, images: [{ ...picture, label: "Frame 1" }, picture] }
const config: ApiConfig = { kind: "openai", model: "loopback-vlm", temperature: 0.2, max_tokens: 900 }

/** The parts in which a request differs from the one above, and whether its digest does. */
const differences = (configured: Partial<ApiConfig>, asked: Partial<ModelRequest> = {}) => {
  const changed = [
    { ...config, ...configured },
    { ...request, ...asked },
  ] as const
  const parts = differingParts(partsOf(config, request), partsOf(...changed))
  return { parts, isOther: requestDigest(...changed) !== requestDigest(config, request) }
}

describe("what decides an answer makes another request, and is named", () => {
  test.each<[string, Partial<ApiConfig>, string]>([
    ["the model", { model: "another" }, "model"],
    ["the temperature", { temperature: 0.3 }, "temperature"],
    ["no temperature", { temperature: null }, "temperature"],
    ["the limit of the length", { max_tokens: 901 }, "max_tokens"],
    ["no such limit", { max_tokens: null }, "max_tokens"],
    ["how long to think", { reasoning_effort: "low" }, "parameters"],
    ["how closely to look", { detail: "low" }, "parameters"],
    ["the size of what is sent", { send_max_side_px: 768 }, "parameters"],
    ["its quality", { send_quality: 80 }, "parameters"],
  ])("%s of the settings", (_what, configured, part) => {
    expect<unknown>(differences(configured)).toEqual({ parts: [part], isOther: true })
  })

  test.each<[string, Partial<ModelRequest>, string]>([
    ["its own limit of the length", { maxTokens: 901 }, "max_tokens"],
    ["the system prompt", { system: "another" }, "system"],
    ["the prompt", { prompt: "another" }, "prompt"],
    ["a picture", { images: [{ ...picture, label: "Frame 1", sha256: "b".repeat(64) }, picture] }, "images"],
    ["a picture's label", { images: [{ ...picture, label: "Frame 2" }, picture] }, "images"],
    ["one picture less", { images: [{ ...picture, label: "Frame 1" }] }, "images"],
    ["a turn", { turns: [{ role: "user", text: "Again." }] }, "turns"],
  ])("%s of the request", (_what, asked, part) => {
    expect<unknown>(differences({}, asked)).toEqual({ parts: [part], isOther: true })
  })
})

test("who answers, who asks, how often, and where the pictures are do not", () => {
  const configured = { api_base: "https://example.com/v1", api_call_retries: 9, stream: true }
  const images = request.images.map((image) => ({ ...image, path: "/elsewhere.jpg" }))
  const asked = { videoId: "another", attempt: 3, callsLeft: 7, images }
  expect(differences(configured, asked)).toEqual({ parts: [], isOther: false })
})
