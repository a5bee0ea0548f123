import type { ProtocolName } from "../../src/model/protocols/protocols.ts"
import type { AnnotationSchemaName } from "../../src/plan/schemas.ts"
import { goodAnswer, stageOf } from "./chat-server.ts"
import { type VendorAnswer, vendorAnswer, vendorFault } from "./vendor-answers.ts"
import { readVendorBody, type VendorRequest } from "./vendor-bodies.ts"

export const vendorKey = "vendor-key-Zq7Xv-0123"

interface Place {
  readonly base: string
  /** The path below the server's root at which it is asked. */
  readonly path: RegExp
  /** Whether the key came as the vendor wants it. */
  readonly isLetIn: (headers: Headers) => boolean
}

const bearer = (headers: Headers) => headers.get("authorization") === `Bearer ${vendorKey}`

const places: Readonly<Record<ProtocolName, Place>> = {
  chat: { base: "/v1", path: /^\/v1\/chat\/completions$/u, isLetIn: bearer },
  responses: { base: "/v1", path: /^\/v1\/responses$/u, isLetIn: bearer },
  anthropic: {
    base: "/v1",
    path: /^\/v1\/messages$/u,
    isLetIn: (headers) =>
      headers.get("x-api-key") === vendorKey &&
      headers.get("anthropic-version") === "2023-06-01" &&
      headers.get("authorization") === null,
  },
  gemini: {
    base: "/v1beta",
    path: /^\/v1beta\/models\/loopback-vlm:(?:g|streamG)enerateContent$/u,
    isLetIn: (headers) =>
      headers.get("x-goog-api-key") === vendorKey && headers.get("authorization") === null,
  },
}

export interface VendorCall extends VendorRequest {
  /** 1-based. */
  readonly number: number
  /** The valid answer of a model that has understood. */
  readonly good: string
  readonly signal: AbortSignal
}

/**
 * A server on loopback that speaks one vendor's protocol, and takes nothing that the vendor's reference does not have. Answers
 * well unless `behave` says otherwise.
 */
export const startVendorServer = (
  name: ProtocolName,
  options: {
    readonly annotation?: AnnotationSchemaName
    readonly behave?: (call: VendorCall) => VendorAnswer | Response | Promise<VendorAnswer | Response>
  } = {},
) => {
  const { annotation = "structured", behave = ({ good }) => ({ text: good }) } = options
  const { base, path, isLetIn } = places[name]
  const calls: Array<VendorCall> = []
  /** What was sent that the vendor would refuse. */
  const violations: Array<string> = []
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: async (request) => {
      const url = new URL(request.url)
      const raw = await request.text()
      if (!path.test(url.pathname)) return vendorFault(name, "missing")
      if (!isLetIn(request.headers)) return vendorFault(name, "auth")
      let read: VendorRequest
      try {
        read = readVendorBody[name](JSON.parse(raw), url)
      } catch (cause) {
        violations.push(String(cause))
        return Response.json({ error: { message: `not as in the reference: ${cause}` } }, { status: 422 })
      }
      const [prompt = ""] = read.parts
      const asked = typeof prompt === "string" ? prompt : ""
      const good =
        asked.startsWith("# Task: ") && asked.includes("\n")
          ? JSON.stringify(goodAnswer(asked, stageOf(asked), annotation, 3))
          : "{}"
      const call = { ...read, number: calls.length + 1, good, signal: request.signal }
      calls.push(call)
      const answer = await behave(call)
      return answer instanceof Response ? answer : vendorAnswer(name, answer, { stream: read.stream })
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}${base}`,
    calls,
    violations,
    pending: () => server.pendingRequests,
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}
