import { describe, expect, test } from "bun:test"
import { parseCompletion } from "../../../../src/model/protocols/chat/completion.ts"
import { assembleCompletion } from "../../../../src/model/protocols/chat/stream.ts"
import { isErrorObject } from "../../../../src/model/protocols/error-object.ts"

const answer = '{"goal": "Close the lid"}'
const stop = { finish_reason: "stop" }
const call = (text: unknown) => ({ id: "c", type: "function", function: { name: "plan", arguments: text } })

const textOf = (...choices: ReadonlyArray<object>) => parseCompletion({ choices })?.text

describe("the answer is found where services put it", () => {
  test.each<[string, object]>([
    ["a text", { message: { content: answer } }],
    ["texts in a list", { message: { content: [answer.slice(0, 5), answer.slice(5)] } }],
    ["parts of a list", { message: { content: [{ type: "text", text: answer }] } }],
    ["parts that do not say that they are texts", { message: { content: [{ text: answer }] } }],
    ["what a function is called with", { message: { content: null, tool_calls: [call(answer)] } }],
    ["the first of two calls", { message: { content: "", tool_calls: [call(answer), call("{}")] } }],
    ["a call in the older form", { message: { content: null, function_call: { arguments: answer } } }],
    ["a text without a message", { text: answer }],
  ])("%s", (_name, choice) => {
    expect(textOf({ index: 0, ...stop, ...choice })).toBe(answer)
  })

  test.each<[string, object]>([
    ["the object itself", { content: JSON.parse(answer) }],
    ["a call with the object itself", { content: null, tool_calls: [call(JSON.parse(answer))] }],
  ])("%s", (_name, message) => {
    expect(JSON.parse(textOf({ index: 0, ...stop, message }) ?? "")).toEqual(JSON.parse(answer))
  })

  test.each<[string, object]>([
    ["a picture", { content: { type: "image_url", image_url: { url: "x" } } }],
    ["a call with a list", { content: null, tool_calls: [call([])] }],
    ["a call without anything", { content: null, tool_calls: [{ id: "c" }] }],
    ["calls that are no list", { content: null, tool_calls: "none", function_call: 7 }],
  ])("but not in %s", (_name, message) => {
    expect(textOf({ index: 0, ...stop, message })).toBe("")
  })

  test("an object that is nested deeper than can be written is no answer", () => {
    let content: object = {}
    for (let depth = 0; depth < 200_000; depth++) content = { content }
    expect(textOf({ index: 0, ...stop, message: { content } })).toBe("")
  })
})

describe("of several choices", () => {
  const choice = (index: number | undefined, content: string) => ({
    ...(index === undefined ? {} : { index }),
    ...stop,
    message: { content },
  })

  test.each<[string, ReadonlyArray<object>]>([
    ["the first", [choice(0, answer), choice(1, "{}")]],
    ["the first by number", [choice(1, "{}"), choice(0, answer)]],
    ["the one that is not empty", [choice(0, ""), choice(1, answer)]],
    ["the first without numbers", [choice(undefined, answer), choice(undefined, "{}")]],
    ["the only one, whatever its number", [choice(3, answer)]],
  ])("%s is read", (_name, choices) => {
    expect(textOf(...choices)).toBe(answer)
  })

  const assembled = (...chunks: ReadonlyArray<object>) => {
    const assembly = assembleCompletion()
    for (const chunk of chunks) assembly.add(chunk)
    return assembly
  }
  const piece = (index: number, content: string, finish: string | null = null) => ({
    index,
    delta: { content },
    finish_reason: finish,
  })

  test("mixed in a stream one is read, and its own end is its end", () => {
    const begun = [
      { choices: [piece(0, answer.slice(0, 4))] },
      { choices: [piece(1, "{}", "length")] },
      { choices: [piece(1, "x"), piece(0, answer.slice(4))] },
    ]
    expect(assembled(...begun).isEnded()).toBe(false)
    const { text, finish } = assembled(...begun, { choices: [piece(0, "", "stop")] }).completion()
    expect({ text, finish }).toEqual({ text: answer, finish: "complete" })
  })

  test("that come in one piece of a stream, the first by number is read", () => {
    const begun = { choices: [piece(1, "{}"), piece(0, answer)] }
    const assembly = assembled(
      begun,
      { choices: [piece(1, "", "length")] },
      { choices: [piece(0, "", "stop")] },
    )
    expect(assembly.completion()).toMatchObject({ text: answer, finish: "complete" })
  })

  test("a stream of calls is put together like one of texts", () => {
    const delta = (text: string) => ({ tool_calls: [{ index: 0, function: { arguments: text } }] })
    const assembly = assembled(
      { choices: [{ index: 0, delta: delta(answer.slice(0, 9)) }] },
      { choices: [{ index: 0, delta: { tool_calls: [{ index: 1, function: { arguments: "{}" } }] } }] },
      { choices: [{ index: 0, delta: delta(answer.slice(9)), finish_reason: "tool_calls" }] },
    )
    expect(assembly.length()).toBeGreaterThan(0)
    expect(assembly.length()).toBe(answer.length)
    expect(assembly.completion().text).toBe(answer)
  })
})

describe("an answer that says that nothing went wrong is no error", () => {
  const choices = [{ index: 0, ...stop, message: { content: answer } }]
  test.each<[string, object]>([
    ["no error", { error: null, choices }],
    ["an error of false", { error: false, choices }],
    ["an error of 0", { error: 0, choices }],
    ["an empty error", { error: {}, choices }],
    ["an empty list of errors", { errors: [], choices }],
    ["a code of success", { code: 0, message: "Success", choices: [], usage: {} }],
    ["a code of success as text", { code: "200", msg: "ok", choices: [] }],
    ["an error code of 0", { error_code: 0, choices: [] }],
  ])("%s", (_name, body) => {
    expect(isErrorObject(body)).toBe(false)
  })

  test.each<[string, object]>([
    ["an error beside choices", { error: { code: 503 }, choices }],
    ["an error that is a text", { error: "busy", choices }],
    ["a list of errors", { errors: [{ message: "no" }], choices }],
    ["a code of failure", { code: 10013, message: "blocked", choices: [] }],
    ["an error code", { error_code: 17 }],
  ])("%s is one", (_name, body) => {
    expect(isErrorObject(body)).toBe(true)
  })
})
