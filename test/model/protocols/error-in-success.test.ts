import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Either, Redacted } from "effect"
import { type ProtocolName, protocolNames } from "../../../src/model/protocols/protocols.ts"
import { callModel, strictRequest } from "../../support/model-call.ts"
import { type VendorFault, vendorAnswer, vendorFault } from "../../support/vendor-answers.ts"
import { startVendorServer, vendorKey } from "../../support/vendor-server.ts"

setDefaultTimeout(60_000)

const eventStream = { headers: { "content-type": "text/event-stream" } }

const event = (body: string) => `event: error\ndata: ${body}\n\n`

/** An error with status 200: the whole answer, the only event of a stream, or an event after others. */
const places = {
  whole: async (name: ProtocolName, fault: VendorFault) =>
    new Response(await vendorFault(name, fault).text(), { headers: { "content-type": "application/json" } }),
  "first in a stream": async (name: ProtocolName, fault: VendorFault) =>
    new Response(event(await vendorFault(name, fault).text()), eventStream),
  "in the midst of a stream": async (name: ProtocolName, fault: VendorFault) => {
    const begun = await vendorAnswer(
      name,
      { text: '{"goal": "x"}' },
      { stream: true, cut: name === "gemini" ? 1 : 2 },
    ).text()
    return new Response(`${begun}${event(await vendorFault(name, fault).text())}`, eventStream)
  },
} as const

const settingsOf = (name: ProtocolName, place: string) => ({
  protocol: name,
  apiKey: Redacted.make(vendorKey),
  stream: place !== "whole",
})

const expected: ReadonlyArray<readonly [VendorFault, object]> = [
  ["auth", { reason: "Rejected", rejection: "auth" }],
  ["access", { reason: "Rejected", rejection: "access" }],
  ["missing", { reason: "Rejected", rejection: "not_found" }],
  ["quota", { reason: "Rejected", rejection: "quota" }],
  ["rate", { reason: "Throttled" }],
  ["overloaded", { reason: "Transient" }],
  ["server", { reason: "Transient" }],
  ["context", { reason: "Rejected", rejection: "context_length" }],
  ["large", { reason: "Rejected", rejection: "too_large" }],
]

describe.each([...protocolNames])("with %s", (name) => {
  describe.each(Object.entries(places))("an error that came with 200, %s,", (place, answer) => {
    test.each(expected)("of the kind %s costs one call, and no format is blamed", async (fault, error) => {
      await using server = startVendorServer(name, { behave: () => answer(name, fault) })
      const settings = settingsOf(name, place)
      const { result, warnings } = await callModel(server.url, settings, strictRequest)
      expect(Either.isLeft(result) && result.left).toMatchObject(error)
      expect(server.calls).toHaveLength(1)
      expect(warnings.filter((line) => line.includes("response_format"))).toEqual([])
    })

    test("that names the format still weakens it, but not once an answer has begun", async () => {
      await using server = startVendorServer(name, {
        behave: async ({ format, good }) => {
          if (typeof format !== "object") return { text: good }
          const error = await answer(name, "temperature")
          const said = (await error.text()).replaceAll("temperature", "response_format json_schema")
          return new Response(said, { headers: error.headers })
        },
      })
      const settings = settingsOf(name, place)
      const { result } = await callModel(server.url, settings, strictRequest)
      const isBegun = place === "in the midst of a stream"
      expect(Either.isRight(result)).toBe(!isBegun)
      expect(server.calls).toHaveLength(isBegun ? 1 : 2)
      if (Either.isLeft(result)) expect(result.left).toMatchObject({ reason: "Rejected", mayBePaid: true })
    })
  })
})
