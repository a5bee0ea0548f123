import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Either, Redacted } from "effect"
import { parseEndpoint } from "../../src/model/client/endpoint.ts"
import { makeRedaction } from "../../src/model/redaction.ts"
import { startChatServer } from "../support/chat-server.ts"
import { callModel } from "../support/model-call.ts"

setDefaultTimeout(60_000)

const awkward = [
  "sk-proj-0123456789abcdef",
  'with"quotes"inside',
  "back\\slash\\key",
  "plus+slash/equals==",
  "percent%41and%20",
  "a<b>&c;'d'",
  "blank in the middle",
  "$ecret.*(regex)[x]{2}|^",
  "UPPERlower0987",
  "short7",
  // The shortest that is taken out of other words.
  "key-of-8",
  "Bearer-looking:user",
  // Its Base64 has both signs at every alignment.
  "??>>~~??>>~~??>>~~",
]

/** The ways in which a service may send a key back. */
const spellings: ReadonlyArray<readonly [string, (key: string) => string]> = [
  ["itself", (key) => key],
  ["in JSON", (key) => JSON.stringify(key).slice(1, -1)],
  ["in JSON in JSON", (key) => JSON.stringify(JSON.stringify(key)).slice(1, -1)],
  ["in a URL", encodeURIComponent],
  ["in a URL in a URL", (key) => encodeURIComponent(encodeURIComponent(key))],
  ["in a form", (key) => new URLSearchParams({ k: key }).toString().slice(2)],
  ["in HTML", (key) => Bun.escapeHTML(key)],
  ["as characters of HTML", (key) => [...key].map((c) => `&#${c.codePointAt(0)};`).join("")],
  [
    "as escapes of JSON",
    (key) => [...key].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""),
  ],
  ["with escaped slashes", (key) => key.replaceAll("/", "\\/")],
  [
    "as escapes of Python",
    (key) => [...Buffer.from(key)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join(""),
  ],
]
const long: typeof spellings = [
  ["in other case", (key) => key.toUpperCase()],
  ["in Base64", (key) => Buffer.from(key).toString("base64")],
  ["in Base64 for URLs", (key) => Buffer.from(key).toString("base64url")],
  ["in Base64 after a name", (key) => Buffer.from(`user:${key}`).toString("base64")],
  ["in Base64 in a URL", (key) => encodeURIComponent(Buffer.from(key).toString("base64"))],
  ["in Base64 with escaped slashes", (key) => Buffer.from(key).toString("base64").replaceAll("/", "\\/")],
  ["in hexadecimal", (key) => Buffer.from(key).toString("hex")],
  ["in a dump", (key) => [...Buffer.from(key)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")],
  ["in Base64 between", (key) => Buffer.from(`ab${key}yz`).toString("base64")],
]

/** The longest run of a text that is part of another. */
const shares = (text: string, secret: string, length: number): boolean => {
  for (let at = 0; at + length <= secret.length; at++)
    if (text.includes(secret.slice(at, at + length))) return true
  return false
}

describe.each(awkward)("the key %s", (key) => {
  const { message, answer } = makeRedaction([key])
  test.each([...spellings, ...(key.length >= 8 ? long : [])])("is taken out, %s", (_name, spell) => {
    const spelt = spell(key)
    for (const redact of [message, answer]) {
      const text = redact(`before "${spelt}", after`)
      expect(text).toStartWith('before "')
      expect(text).toEndWith('", after')
      expect(text).toContain("[redacted]")
      expect(shares(text, spelt, Math.min(12, spelt.length))).toBe(false)
    }
  })

  test.each([` ${key}`, `${key} \n`, `"${key}"`])("is taken out also if it was given as %j", (given) => {
    expect(makeRedaction([given]).message(`your key ${key} is odd`)).toBe("your key [redacted] is odd")
  })
})

describe("ordinary text stays", () => {
  const sentence = "Take a cup, put none of it on an empty table; key 7."
  test.each(["", "a", "it", "cup", "none", "EMPTY", "key", "7"])("in answers, with the key %j", (key) => {
    expect(makeRedaction([key]).answer(sentence)).toBe(sentence)
  })

  test.each(["none", "null", "empty", "dummy", "test", "no-key", "not-needed", "key", "token"])(
    "in messages too, with %j in the place of a key",
    (key) => {
      const said = `the ${key} that was given is ${key.toUpperCase()}`
      expect(makeRedaction([key]).message(said)).toBe(said)
    },
  )

  test("of which a short key is a part", () => {
    expect(makeRedaction(["cup7"]).message("cup70 acup7 cup7é cup7!")).toBe("cup70 acup7 cup7é [redacted]!")
    expect(makeRedaction(["seven-7"]).message("seven-70 seven-7!")).toBe("seven-70 [redacted]!")
    expect(makeRedaction(["key-of-8"]).message("key-of-80 key-of-8!")).toBe("[redacted]0 [redacted]!")
  })

  test.each(["x", "\\", "%", "&#", "sk-", "s", " ab "])(
    "is looked through in linear time (%j)",
    (filling) => {
      const { answer } = makeRedaction(["sk-proj-0123456789abcdefghijklmnop"])
      const text = filling.repeat(Math.ceil(300_000 / filling.length))
      expect(answer(text)).toBe(text)
    },
  )
})

describe("an address", () => {
  test.each<[string, string, string]>([
    ["https://h.example/v1", "https://h.example/v1", ""],
    ["https://h.example/v1/", "https://h.example/v1", ""],
    ["https://h.example/v1//", "https://h.example/v1", ""],
    [" https://h.example/v1 \n", "https://h.example/v1", ""],
    ["https://h.example/v1/chat/completions", "https://h.example/v1", ""],
    ["https://h.example/v1/chat/completions/", "https://h.example/v1", ""],
    ["https://h.example/V1/Chat/Completions", "https://h.example/V1", ""],
    ["https://h.example", "https://h.example", ""],
    [
      "https://h.example/chat/completions?api-version=2024-10-21&code=abc",
      "https://h.example",
      "?api-version=2024-10-21&code=abc",
    ],
    ["https://user:pass@h.example:8443/v1/?key=secret#x", "https://h.example:8443/v1", "?key=secret"],
    ["http://[::1]:8000/v1", "http://[::1]:8000/v1", ""],
  ])("%j is understood", (address, base, search) => {
    expect(parseEndpoint(address)).toMatchObject({ base, search })
  })

  test.each(["localhost:8000/v1", "ftp://h/v1", "h.example/v1", "", "http://"])("%j is none", (address) => {
    expect(parseEndpoint(address)).toBeUndefined()
  })

  test("has secrets in its user, its password and its query, but not in a version", () => {
    const { secrets } =
      parseEndpoint("https://us%40er:pa%2Fss@h/v1?code=s%20cret&api-version=2024-10-21") ?? {}
    expect(secrets).toEqual(["us@er", "pa/ss", "s cret", "us@er:pa/ss"])
  })

  test.each(["", "/", "/chat/completions", "/chat/completions/"])(
    "is called in one place, with %j at its end",
    async (end) => {
      await using server = startChatServer({ behave: () => "{}" })
      const { result } = await callModel(`${server.url}${end}`)
      expect(Either.isRight(result)).toBe(true)
    },
  )

  test("sends its query, and its user and password where there is no key", async () => {
    const seen: Array<readonly [string, string | null]> = []
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request) => {
        seen.push([new URL(request.url).search, request.headers.get("authorization")])
        return Response.json({ choices: [{ message: { content: "{}" } }] })
      },
    })
    const address = `http://us%40er:pass@127.0.0.1:${server.port}/v1?code=a%2Fb`
    await callModel(address)
    const withKey = await callModel(address, { apiKey: Redacted.make(" key-for-tests\n") })
    await server.stop(true)
    expect(seen).toEqual([
      ["?code=a%2Fb", `Basic ${btoa("us@er:pass")}`],
      ["?code=a%2Fb", "Bearer key-for-tests"],
    ])
    expect(withKey.warnings[0]).toContain("the key is sent in its place")
  })
})

test("a key that a service sends back in any place is in none of what a call gives", async () => {
  const key = 'sk-"awkward\\key"+/='
  const echoes: ReadonlyArray<() => Response> = [
    () =>
      Response.json({ error: { message: `no ${key}`, code: key, type: key, param: key } }, { status: 400 }),
    () => new Response(`<html>${Bun.escapeHTML(key)} ${encodeURIComponent(key)}</html>`, { status: 403 }),
    () => new Response(key, { status: 429, headers: { "retry-after": encodeURIComponent(key) } }),
    () => new Response(`${JSON.stringify(key)} ${btoa(key)}`),
    () => new Response("", { status: 302, headers: { location: `http://h/${encodeURIComponent(key)}` } }),
    () =>
      Response.json({
        model: key,
        choices: [{ finish_reason: "stop", message: { content: `{"a": ${JSON.stringify(key)}}` } }],
      }),
    () => Response.json({ choices: [{ finish_reason: `error ${key}`, message: { content: "" } }] }),
    () => Response.json({ choices: [{ finish_reason: "stop", message: { content: null, refusal: key } }] }),
    () =>
      Response.json(
        { choices: [{ finish_reason: "stop", message: { content: "{}" } }] },
        { headers: { "x-ratelimit-limit-requests": "-1", "content-encoding": "identity" } },
      ),
    () => new Response("{}", { headers: { "content-encoding": encodeURIComponent(key) } }),
  ]
  const bare = key.replaceAll(/["\\]/gu, "")
  for (const echo of echoes) {
    await using server = startChatServer({ behave: echo })
    const course = await callModel(server.url, {
      apiKey: Redacted.make(key),
      model: `vlm-${key}`,
      provider: key,
    })
    const all = Bun.inspect(course, { depth: 30 }) + JSON.stringify(course)
    for (const [, spell] of [...spellings, ...long]) expect(all).not.toContain(spell(key))
    expect(all).not.toContain(bare)
    expect(all).not.toContain("awkward")
  }
})
