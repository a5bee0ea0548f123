import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { createServer } from "node:http"
import { Either } from "effect"
import { callModel } from "../../support/model-call.ts"

setDefaultTimeout(60_000)

const variables = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "NO_PROXY", "no_proxy"] as const
const before = Object.fromEntries(variables.map((name) => [name, process.env[name]]))

beforeAll(() => {
  for (const name of variables) delete process.env[name]
})
afterAll(() => {
  for (const [name, value] of Object.entries(before)) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
})

/** A proxy that lets nothing through, and says this instead. */
const startProxy = async (status: number, words: string) => {
  let asked = 0
  const server = createServer((_request, response) => {
    asked++
    response.writeHead(status, { "content-type": "text/html" }).end(`<html>${words}</html>`)
  })
  server.on("connect", (_request, socket) => {
    asked++
    socket.on("error", () => undefined)
    socket.end(`HTTP/1.1 ${status} ${words}\r\nContent-Length: 0\r\n\r\n`)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`
  for (const name of ["HTTP_PROXY", "HTTPS_PROXY"]) process.env[name] = url
  return {
    asked: () => asked,
    [Symbol.asyncDispose]: async () => {
      for (const name of ["HTTP_PROXY", "HTTPS_PROXY"]) delete process.env[name]
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const login = { reason: "Rejected", rejection: "proxy" }
const loginWords = /who you are: give name and password in HTTPS_PROXY or HTTP_PROXY/u

describe.each(["http://service.example/v1", "https://service.example/v1"])("a proxy before %s", (url) => {
  test.each<[number, string, object, RegExp, number]>([
    [407, "Proxy Authentication Required", login, loginWords, 1],
    [407, "Invalid API key", login, loginWords, 1],
    [511, "Network Authentication Required", login, loginWords, 1],
    [403, "Forbidden", { reason: "Rejected" }, /address/u, 1],
    [502, "Bad Gateway", { reason: "Transient" }, /502/u, 3],
  ])("that says %d %s is not taken for the service", async (status, words, expected, message, attempts) => {
    await using proxy = await startProxy(status, words)
    const { result } = await callModel(url, { callRetries: 2 })
    const error = Either.isLeft(result) ? result.left : undefined
    expect(error).toMatchObject(expected)
    expect(error?.message).toMatch(message)
    expect(error?.message).not.toContain("--api-key")
    expect(proxy.asked()).toBe(attempts)
  })
})
