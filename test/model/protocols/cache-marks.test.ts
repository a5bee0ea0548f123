import { describe, expect, test } from "bun:test"
import { Redacted } from "effect"
import { readFamilies } from "../../../src/model/families.ts"
import type { CacheUse, Parameters } from "../../../src/model/protocols/Protocol.ts"
import { protocolNames, protocols } from "../../../src/model/protocols/protocols.ts"
import type { ModelRequest } from "../../../src/model/VisionModel.ts"
import { callModel, smallRequest } from "../../support/model-call.ts"
import { startVendorServer, vendorKey } from "../../support/vendor-server.ts"

const parameters: Parameters = {
  tokenLimit: "max_tokens",
  format: "none",
  stream: false,
  streamOptions: false,
}

const request: ModelRequest = {
  ...smallRequest,
  turns: [
    { role: "assistant", text: "{}" },
    { role: "user", text: "again" },
  ],
}

const bodyOf = async (name: (typeof protocolNames)[number], cache: CacheUse | undefined): Promise<string> => {
  const sent = cache === undefined ? parameters : { ...parameters, cache }
  const pieces: Array<Uint8Array> = []
  for await (const piece of protocols[name].encode("m", request, sent).body.stream()) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

const marks = {
  chat: '"content":[{"type":"text","text":"# Task: draft","prompt_cache_breakpoint":{"mode":"explicit"}}]}',
  responses:
    '"content":[{"type":"input_text","text":"# Task: draft","prompt_cache_breakpoint":{"mode":"explicit"}}]}',
  anthropic: '"content":[{"type":"text","text":"# Task: draft","cache_control":{"type":"ephemeral"}}]}',
} as const

describe("what is to be kept", () => {
  test.each(["chat", "responses", "anthropic"] as const)(
    "is marked at the end of the prompt and its pictures, before anything that was said of it (%s)",
    async (name) => {
      const body = await bodyOf(name, "prompt")
      expect(body).toContain(marks[name])
      expect(body.split("cache_breakpoint").length + body.split("cache_control").length).toBe(3)
      expect(body.includes('"prompt_cache_options":{"mode":"explicit"}')).toBe(name !== "anthropic")
    },
  )

  test.each(["chat", "responses"] as const)("may be nothing (%s)", async (name) => {
    const body = await bodyOf(name, "nothing")
    expect(body).toContain('"prompt_cache_options":{"mode":"explicit"}')
    expect(body).not.toContain("breakpoint")
  })

  test.each(protocolNames)("is the service's matter where nothing is said (%s)", async (name) => {
    expect(await bodyOf(name, undefined)).not.toMatch(/cache/u)
  })
})

const pricedCache = () => {
  const families = readFamilies({ families: [{ pattern: "", cache: "priced" }] })
  if (typeof families === "string") throw new Error(families)
  return families
}

test.each(["chat", "responses"] as const)(
  "a service with a priced cache is told to keep nothing; one that is not to be told is asked without that (%s)",
  async (name) => {
    const settings = { protocol: name, apiKey: Redacted.make(vendorKey), families: pricedCache() }
    await using server = startVendorServer(name)
    await callModel(server.url, settings)
    expect(server.violations).toEqual([])
    const message = "Unknown parameter: 'prompt_cache_options'."
    let refused = 0
    await using strict = startVendorServer(name, {
      behave: ({ good }) =>
        refused++ === 0
          ? Response.json({ error: { message, param: "prompt_cache_options" } }, { status: 400 })
          : { text: good },
    })
    const { warnings } = await callModel(strict.url, settings)
    expect(strict.calls).toHaveLength(2)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain("is not to be told what to put into its cache")
  },
)
