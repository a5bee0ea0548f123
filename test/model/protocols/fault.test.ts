import { describe, expect, test } from "bun:test"
import { APIConnectionError, APIUserAbortError } from "openai"
import { connectionFault } from "../../../src/model/client/connection-fault.ts"
import { UnknownEncoding } from "../../../src/model/client/content-encoding.ts"
import { isErrorObject } from "../../../src/model/protocols/error-object.ts"
import { type ErrorAnswer, serviceFaultBy, statusIn } from "../../../src/model/protocols/fault.ts"
import { PictureReadError } from "../../../src/model/protocols/lazy-body.ts"
import { limitHints } from "../../../src/model/protocols/limit-hints.ts"
import { readSaid } from "../../../src/model/protocols/said.ts"
import { AnswerTooLarge, BrokenAnswer } from "../../../src/model/protocols/unusable.ts"

const faultOf = (status: number, text: string, more: Partial<ErrorAnswer> = {}) =>
  serviceFaultBy(limitHints)({ status, text, ...more }, (line) => line)

describe("what is not taken", () => {
  test.each<[number, string, string]>([
    [400, "bad", "bad_request"],
    [422, "bad", "bad_request"],
    [401, "bad", "auth"],
    [402, "bad", "quota"],
    [403, "bad", "auth"],
    [403, "you do not have access to the model", "access"],
    [403, "this API key has no access to the model", "auth"],
    [403, "your country is not served", "region"],
    [407, "you do not have access to the model", "proxy"],
    [407, "", "proxy"],
    [407, "<html>Proxy Authentication Required: invalid api key</html>", "proxy"],
    [407, "inappropriate content", "proxy"],
    [407, "insufficient_quota", "proxy"],
    [511, "<html>Log in to the wireless network</html>", "proxy"],
    [451, "bad", "region"],
    [404, "bad", "not_found"],
    [405, "bad", "not_found"],
    [410, "bad", "not_found"],
    [413, "bad", "too_large"],
    [413, "maximum context length is 8192 tokens", "context_length"],
    [429, "insufficient_quota", "quota"],
    [429, "request too large for this model", "too_large"],
    [500, "insufficient_quota", "quota"],
    [400, "too many images in the request", "too_large"],
    [400, "the prompt is too long", "context_length"],
    [400, "Incorrect API key provided", "auth"],
    [400, "this region is not supported", "region"],
    [400, "this region is fine", "bad_request"],
    [400, "max_tokens is too large: 99999", "token_limit"],
    [400, "max_tokens must be given", "parameter_unsupported"],
    [400, "max_tokens is too large a word, use max_completion_tokens instead", "parameter_unsupported"],
    [400, "temperature is fixed", "parameter_unsupported"],
    [400, "stream_options: extra field", "parameter_unsupported"],
    [400, "streaming is not possible", "parameter_unsupported"],
    [400, "response_format is not known", "format_unsupported"],
    [500, "response_format is not known", "format_unsupported"],
  ])("%d %s: %s", (status, text, rejection) => {
    expect(faultOf(status, text)).toMatchObject({ reason: "Rejected", status, rejection })
  })
})

describe("which parameter is at fault", () => {
  test.each([
    ["unknown max_tokens", "max_tokens"],
    ["unknown max_completion_tokens", "max_completion_tokens"],
    ["unknown temperature", "temperature"],
    ["unknown stream_options", "stream_options"],
    ["unknown include_usage", "stream_options"],
    ["unknown response_format", "response_format"],
    ["unknown stream", "stream"],
  ] as const)("%s", (text, parameter) => {
    expect(faultOf(400, text).parameter).toBe(parameter)
  })
})

describe("what passes", () => {
  test.each([408, 409, 424, 425, 498, 499, 500, 502, 503, 529])("%d may be tried again", (status) => {
    expect(faultOf(status, "failed")).toMatchObject({ reason: "Transient", status })
  })

  test("429 is a wish to slow down", () => {
    expect(faultOf(429, "slow down")).toMatchObject({ reason: "Throttled", status: 429 })
  })

  test("a sample that the service kept back may be paid for", () => {
    expect(faultOf(400, "json_validate_failed")).toMatchObject({ reason: "Transient", mayBePaid: true })
    expect(faultOf(400, "bad").mayBePaid).toBeUndefined()
    expect(faultOf(500, "bad", { isBegun: true }).mayBePaid).toBe(true)
  })
})

test("a filter refuses below 500 only", () => {
  expect(faultOf(400, "flagged by our content filter")).toMatchObject({ reason: "Refused", status: 400 })
  expect(faultOf(499, "flagged by our content filter").reason).toBe("Refused")
  expect(faultOf(500, "flagged by our content filter").reason).toBe("Transient")
})

test("a redirection names where to, without what may be secret", () => {
  const headers = new Headers({ location: "https://u:p@elsewhere.example/v2/chat?key=secret" })
  expect(faultOf(300, "", { headers })).toMatchObject({ reason: "Rejected", rejection: "redirected" })
  expect(faultOf(399, "", { headers }).message).toContain(
    "on to https://elsewhere.example/v2/chat (status 399)",
  )
  expect(faultOf(308, "").message).toContain("on to another address (status 308)")
})

test("headers are heeded: how long to wait, and limits", () => {
  const headers = new Headers({ "retry-after": "3", "x-ratelimit-limit-requests": "60" })
  expect(faultOf(429, "slow", { headers })).toMatchObject({ retryAfterMs: 3000, limits: { rpm: 60 } })
  expect(faultOf(429, "slow").retryAfterMs).toBeUndefined()
  expect(faultOf(429, "slow").limits).toBeUndefined()
})

test("an error without words tells its status", () => {
  expect(faultOf(400, "").message).toBe("400 (the request was not accepted)")
  expect(faultOf(400, '{"error": {"message": "so bad"}}').message).toContain("so bad")
})

describe("the status of an error that came with 200", () => {
  test.each<[object | string, number]>([
    [{ error: { code: 404, message: "x" } }, 404],
    [{ error: { code: "503", message: "x" } }, 503],
    [{ error: { code: 400, message: "x" } }, 400],
    [{ error: { code: 599, message: "x" } }, 599],
    [{ error: { code: 600, message: "x" } }, 500],
    [{ error: { code: 399, message: "x" } }, 500],
    [{ error: { type: 429, message: "x" } }, 429],
    [{ error: { code: "rate_limit_exceeded", message: "x" } }, 429],
    [{ error: { type: "insufficient_quota", message: "x" } }, 402],
    [{ error: { code: "invalid_api_key", message: "x" } }, 401],
    [{ error: { code: "permission_denied", message: "x" } }, 403],
    [{ error: { code: "model_not_found", message: "x" } }, 404],
    [{ error: { type: "overloaded_error", message: "x" } }, 503],
    [{ error: { type: "invalid_request_error", message: "x" } }, 400],
    [{ error: { message: "too many requests" } }, 500],
    [{ error: { message: "throttled" } }, 429],
    ["nothing of the kind", 500],
  ])("%j is %d", (body, status) => {
    expect(statusIn(typeof body === "string" ? body : JSON.stringify(body))).toBe(status)
  })
})

test("what lies deepest in an error is nearest to its cause", () => {
  expect(readSaid('{"message": "outer", "code": 1, "error": {"message": "inner"}}')).toMatchObject({
    message: "inner",
    code: "1",
  })
})

test("an error without a message is told by its whole text, and keeps the parameter that it names", () => {
  const text = '{"param": "seed"}'
  expect(readSaid(text)).toEqual({ code: "", type: "", param: "seed", message: text })
})

test.each<[string, object]>([
  ['{"error": {"param": "seed"}, "message": "outer"}', { param: "seed", message: "outer" }],
  ['{"error": {"param": "seed", "message": ""}, "message": "outer"}', { param: "seed", message: "outer" }],
  ['{"detail": {"code": "unsupported"}, "message": "outer"}', { code: "unsupported", message: "outer" }],
  ['{"errors": [{"param": "top_p", "type": "bad"}], "msg": "outer"}', { param: "top_p", type: "bad" }],
  ['{"error": {}, "detail": {"param": "seed"}, "message": "outer"}', { param: "seed", message: "outer" }],
  ['{"error": {"error": {"param": "seed"}}, "message": "outer"}', { param: "seed", message: "outer" }],
  ['{"error": {"param": "seed"}, "base_resp": {"status_msg": "inner"}}', { message: "inner" }],
])("an error within another says something without a message, too: %s", (text, said) => {
  expect(readSaid(text)).toMatchObject(said)
})

test.each<[object, boolean]>([
  [{ base_resp: { status_code: 0 }, choices: [] }, false],
  [{ base_resp: { status_code: 1 } }, true],
  [{ choices: [{ message: {} }], error: null }, false],
  [{ choices: [{ error: { message: "x" } }] }, true],
  [{ object: "error" }, true],
  [{ detail: "x" }, true],
  [[{ error: "x" }], true],
  [[], false],
])("%j is an error: %p", (body, expected) => {
  expect(isErrorObject(body)).toBe(expected)
})

const coded = (code: string, error = new TypeError(code)) => Object.assign(error, { code })
const failedFetch = (code: string) => new APIConnectionError({ message: "", cause: coded(code) })

test.each<[string, Error, boolean]>([
  ["an answer that is too long", new AnswerTooLarge("the answer is longer than 64 MiB"), true],
  ["an encoding that is not known", new UnknownEncoding("the answer is encoded as rot13"), true],
  ["an answer that breaks off", new BrokenAnswer("the stream ended"), true],
  ["a reset", failedFetch("ECONNRESET"), true],
  ["a service that is not there", failedFetch("ECONNREFUSED"), false],
  ["a picture that cannot be read", new PictureReadError("a.jpg: it is missing"), false],
])("%s may have been paid for once the request was taken, or not", (_what, error, mayBePaid) => {
  const isPaid = (isSent: boolean) => connectionFault(error, isSent, (line) => line).mayBePaid === true
  expect([isPaid(true), isPaid(false)]).toEqual([mayBePaid, false])
})

test.each<[string, Error]>([
  ["a reset while the answer is read", coded("ECONNRESET")],
  ["an answer that is not HTTP", coded("InvalidHTTPResponse")],
  ["bytes that do not unpack", coded("Z_DATA_ERROR", new Error("incorrect header check"))],
  ["an end in the middle of packed bytes", coded("ERR_STREAM_PREMATURE_CLOSE", new Error("Premature close"))],
  ["a deadline", new DOMException("The operation timed out.", "TimeoutError")],
  ["an abort, as the SDK has it", new APIUserAbortError()],
  ["a stream that ended early", new BrokenAnswer("it ended without its end marker")],
])("%s is a fault of the connection", (_what, error) => {
  expect(connectionFault(error, false, (line) => line)).toMatchObject({
    reason: "Transient",
    message: `the answer broke off: ${error.message}`,
  })
})

test.each<[string, unknown]>([
  ["a property of undefined", new TypeError("undefined is not an object (evaluating 'a.b')")],
  ["a name that is not there", new ReferenceError("x is not defined")],
  ["a number out of range", new RangeError("Invalid array length")],
  ["a text that is no JSON", new SyntaxError("JSON Parse error: Unexpected EOF")],
  ["an error without a code", new Error("this cannot be")],
  ["a wrong argument", coded("ERR_INVALID_ARG_TYPE")],
  ["an offset beyond a buffer", coded("ERR_OUT_OF_RANGE", new RangeError("out of range"))],
  ["a text", "thrown"],
  ["nothing", undefined],
])("%s is a bug: no connection is blamed for it, even if the SDK does", (_what, thrown) => {
  const thrownBy = (cause: unknown): unknown => {
    try {
      return connectionFault(cause, true, (line) => line)
    } catch (error) {
      return error
    }
  }
  expect(thrownBy(thrown)).toBe(thrown)
  if (thrown instanceof Error) expect(thrownBy(new APIConnectionError({ cause: thrown }))).toBe(thrown)
})

test.each([
  "The model `gpt-nothing` does not exist",
  "The model gpt-nothing does not exist or you do not have access to it.",
  "models/nothing is not found for API version v1beta, or is not supported for generateContent.",
  "nothing is not a valid model ID",
  "no such model: json_schema-7b",
  'model "llama-temperature" not found, try pulling it first',
  "Unknown model: qwen-stream",
  "deployment_not_found",
])("who does not know the model refuses no parameter: %s", (message) => {
  const text = JSON.stringify({ error: { message } })
  for (const status of [400, 404, statusIn(text)])
    expect(faultOf(status, text)).toMatchObject({ reason: "Rejected", rejection: "not_found", status })
})

test.each([
  "The model does not support response_format, which was not found in its list",
  "Invalid model parameter: response_format",
  "This model does not support json_schema",
])("who speaks of the model may still refuse a format: %s", (message) => {
  expect(faultOf(400, message)).toMatchObject({ rejection: "format_unsupported" })
})
