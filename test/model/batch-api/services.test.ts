import { describe, expect, test } from "bun:test"
import { appendFileSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { Effect, Either } from "effect"
import { longestLine } from "../../../src/model/batch-api/results.ts"
import { type LazyBody, PictureReadError } from "../../../src/model/protocols/lazy-body.ts"
import type { BatchApiName } from "../../support/batch-apis.ts"
import {
  allAnswered,
  around,
  arrivals,
  askAll,
  asking,
  commandsAt,
  created,
  ids,
  key,
  lostCreation,
  messageOf,
  requestOf,
  wordsOf,
} from "../../support/batch-commands.ts"
import { type BatchServerOptions, type HandedIn, startBatchServer } from "../../support/batch-server.ts"
import { temporaryFolder } from "../../support/folders.ts"
import { startWireServer } from "../../support/wire-server.ts"

const version = { "anthropic-version": "2023-06-01" }

describe.each<BatchApiName>(["openai", "anthropic"])("%s", (api) => {
  const { batchPath, hasEnded, isCreation, isList, late, line, ownId, resultsPath, root, withStatus } =
    wordsOf(api)
  const answered = ({ custom_id }: HandedIn) =>
    ({ type: "answer", text: `answer ${ownId(custom_id)}` }) as const

  test("a download that is not whole is made again, however its end is lost", async () => {
    for (const answer of [
      (text: string) => text.slice(0, -30),
      (text: string) => text.slice(0, text.indexOf("\n") + 1),
      () => "",
      () => "<html>down</html>",
    ]) {
      let times = 0
      const { got, collected } = await around(
        api,
        {
          answerAs: async (_method, path, usual) =>
            resultsPath.test(path) && times++ === 0 ? new Response(answer(await usual.text())) : usual,
        },
        2,
      )
      expect(collected).toBe("no error")
      expect(allAnswered(got)).toBe(true)
      expect(times).toBe(2)
    }
  })

  test("a connection that breaks in the middle of a download is no end of it", async () => {
    await using place = await temporaryFolder()
    await using server = startBatchServer({
      api,
      looksUntilEnd: 0,
      fateOf: answered,
      // Of answers that came nobody would know otherwise.
      toldAs: ({ request_counts: _counts, ...told }) => told,
    })
    let cuts = 0
    await using proxy = await startWireServer(async ({ request, response, body }) => {
      const { "content-type": type = "" } = request.headers
      const answer = await fetch(`${server.url}${(request.url ?? "").replace(/^\/v1/u, "")}`, {
        method: request.method ?? "GET",
        headers: version,
        ...(request.method === "POST" ? { body, headers: { "content-type": type, ...version } } : {}),
      })
      const text = await answer.text()
      const isCut = resultsPath.test(request.url ?? "") && cuts++ < 2
      // At the end of a line, where nothing looks amiss; once with a length, once in pieces.
      const sent = isCut ? text.slice(0, text.indexOf("\n") + 1) : text
      response.writeHead(answer.status, isCut && cuts === 1 ? { "content-length": text.length } : {})
      response.write(sent, () => (isCut ? response.destroy() : response.end()))
    })
    const { command } = commandsAt(api, proxy.url, join(place.path, ".batch/api"))
    await command(askAll)
    expect(messageOf(await command((batches) => batches.collect))).toBe("no error")
    expect(allAnswered(Either.getOrThrow(await command(arrivals)))).toBe(true)
    expect(cuts).toBe(3)
  })

  test("what comes compressed although nobody asked for it is unpacked, and cut off counts as cut off", async () => {
    let count = 0
    const { got } = await around(api, {
      answerAs: async (_method, path, usual) => {
        if (!resultsPath.test(path)) return usual
        const packed = gzipSync(await usual.text())
        const bytes = count++ === 0 ? packed.subarray(0, packed.length - 12) : packed
        return new Response(bytes, { headers: { "content-encoding": "gzip" } })
      },
    })
    expect(allAnswered(got)).toBe(true)
    expect(count).toBe(2)
  })

  test("a long answer is read, and a line that is longer than any answer spoils no other", async () => {
    const long = "ä".repeat(3_000_000)
    const { got } = await around(api, {
      fileAs: (_lines, name) =>
        name === "output"
          ? [
              line("a", 200, `answer a ${long}`),
              `"${"x".repeat(longestLine + 10)}"`,
              ...["b", "c", "d"].map((id) => line(id, 200, `answer ${id}`)),
            ]
          : [],
      toldAs: ({ request_counts: _counts, ...told }) => told,
    })
    expect(allAnswered(got)).toBe(true)
  })

  test("results that are gone at the service, and a batch that it does not know, are said with the way out, and block no other", async () => {
    for (const [gone, message] of [
      [resultsPath, /has the results of the batch batch-1 no more \(.*batch-1.*\); remove .* to ask anew/u],
      [new RegExp(`^${batchPath(1)}$`, "u"), /knows no batch batch-1: is this the key/u],
    ] as const) {
      await using place = await temporaryFolder()
      let isGone = true
      await using server = startBatchServer({
        api,
        looksUntilEnd: 0,
        fateOf: answered,
        refuse: (_method, path) =>
          isGone && gone.test(path) && !path.includes("batch-2")
            ? Response.json({ error: { message: "no such thing" } }, { status: 404 })
            : undefined,
      })
      const { command, said } = commandsAt(api, server.url, join(place.path, ".batch/api"))
      await command((batches) => Effect.zipRight(asking(batches, ["a", "b"]), batches.submit))
      expect(messageOf(await command((batches) => batches.collect))).toMatch(message)
      await command((batches) => Effect.zipRight(asking(batches, ["c", "d"]), batches.submit))
      expect(messageOf(await command((batches) => batches.collect))).toBe("no error")
      expect(said.join("\n")).toMatch(message)
      expect(Either.getOrThrow(await command(arrivals))).toMatchObject([
        "nothing",
        "nothing",
        expect.stringContaining("answer c"),
        expect.stringContaining("answer d"),
      ])
      // Nothing of it is asked for twice meanwhile.
      await command(askAll)
      const handedIn = server.batches.map(({ lines }) =>
        lines.map(({ custom_id }) => ownId(custom_id)).join(""),
      )
      expect(handedIn).toEqual(["ab", "cd", "cd"])
      isGone = false
      await command((batches) => batches.collect)
      expect(allAnswered(Either.getOrThrow(await command(arrivals)))).toBe(true)
    }
  })

  const lost = (answer: () => Response, times?: number) => lostCreation(api, answer, times)

  test.each<readonly [string, BatchServerOptions]>([
    ["500", lost(() => Response.json({ error: { message: "oops" } }, { status: 500 }))],
    ["504, until no more tries are left", lost(() => new Response("gateway", { status: 504 }), 3)],
    ["what is no JSON", lost(() => new Response("<html>"))],
    ["what is no batch", lost(() => Response.json({ ok: true }))],
    ["an id that holds the key", lost(() => Response.json({ id: `batch-${key}`, status: "validating" }))],
  ])("a batch whose creation is answered with %s is found, and not created twice", async (_what, options) => {
    const { begun, ended } = await created(api, options)
    expect(ended.at(-1)).toBe("no error")
    expect(begun).toBe(1)
  })

  test("a batch is found on a later page of the list, and in a list that goes in circles it is not taken as missing", async () => {
    await using place = await temporaryFolder()
    let isLost = false
    let isCircle = false
    await using server = startBatchServer({
      api,
      looksUntilEnd: 1000,
      perPage: 1,
      answerAs: (method, path, usual) => {
        if (isCreation(method, path) && isLost) return new Response("", { status: 500 })
        if (isList(method, path) && isCircle && server.batches.length > 0)
          return new Response("", { status: 404 })
        return usual
      },
    })
    const { command } = commandsAt(api, server.url, join(place.path, ".batch/api"))
    isLost = true
    isCircle = true
    // Nobody can tell: it is said, and nothing is created again.
    const first = messageOf(await command(askAll))
    expect(first).toMatch(/nobody can tell whether the service has begun the batch \S+: 404.*remove /u)
    isLost = false
    expect(messageOf(await command((batches) => batches.collect))).toMatch(/nobody can tell/u)
    isCircle = false
    await command((batches) => Effect.zipRight(asking(batches, ["x"]), batches.submit))
    expect(messageOf(await command((batches) => batches.collect))).toBe("no error")
    expect(await command((batches) => batches.underWay)).toEqual(Either.right({ batches: 2, requests: 5 }))
    await command(askAll)
    expect(server.batches.length).toBe(2)
  })

  test("what a service refuses is asked anew by the next command, whatever it is then", async () => {
    for (const refused of api === "openai" ? ["/files", root] : [root]) {
      const { asked, begun, ended } = await created(api, {
        refuse: (method, path, count) =>
          method === "POST" && path === refused && count === 1
            ? Response.json({ error: { message: "request entity too large" } }, { status: 413 })
            : undefined,
      })
      expect(ended).toEqual([
        expect.stringMatching(/a batch of 4 requests could not be submitted: 413 .*Nothing was asked/u),
        "no error",
        "no error",
      ])
      expect(begun).toBe(1)
      // Anthropic is asked before a batch is created which is the newest.
      expect(asked.filter((one) => one === `GET ${root}`)).toHaveLength(api === "openai" ? 0 : 2)
    }
  })

  test("429 and a service that is not there are no reason to ask whether a batch has begun", async () => {
    const { begun, asked } = await created(api, {
      refuse: (method, path, count) =>
        isCreation(method, path) && count < 3 ? new Response("", { status: 429 }) : undefined,
    })
    expect(begun).toBe(1)
    expect(asked.filter((one) => one === `GET ${root}`)).toHaveLength(api === "openai" ? 0 : 1)
  })

  test("a redirection is not followed, so that no key goes elsewhere", async () => {
    const keys: Array<string | null> = []
    await using other = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request) => {
        keys.push(request.headers.get("authorization"))
        return Response.json({ id: "x", status: "completed" })
      },
    })
    for (const at of [/^\/files$/u, /\/batches$/u, /\/batches\/./u, resultsPath].slice(
      api === "openai" ? 0 : 1,
    )) {
      const { asked, collected } = await around(api, {
        refuse: (_method, path) => (at.test(path) ? Response.redirect(String(other.url), 307) : undefined),
      })
      expect(`${asked} ${collected}`).toContain("sends the call on to")
    }
    expect(keys).toEqual([])
  })

  test.each([
    ["names its file later", "completed", true],
    ["names its file later and counts nothing", "completed", false],
    ["was cancelled and names its file later", "cancelled", true],
  ])("a batch that %s is waited for, and nothing is asked twice", async (_what, status, counts) => {
    await using place = await temporaryFolder()
    let isLate = true
    await using server = startBatchServer({
      api,
      looksUntilEnd: 0,
      fateOf: answered,
      toldAs: ({ request_counts, ...told }) => ({
        ...told,
        ...(counts ? { request_counts } : {}),
        ...(isLate && hasEnded(told) ? late(status) : {}),
      }),
    })
    const { command, said } = commandsAt(api, server.url, join(place.path, ".batch/api"))
    await command(askAll)
    expect(await command((batches) => batches.collect)).toEqual(Either.right(0))
    expect(said.join("\n")).toMatch(/names no file with its answers yet.*remove /u)
    await command(askAll)
    isLate = false
    expect(await command((batches) => batches.collect)).toEqual(Either.right(1))
    expect(allAnswered(Either.getOrThrow(await command(arrivals)))).toBe(true)
    expect(server.batches.length).toBe(1)
  })

  test.each(["in_progress", "cancelling", "canceling"])("%s is no end", async (status) => {
    const { got, said, handedIn } = await around(api, { toldAs: (told) => withStatus(told, status) })
    expect(got).toEqual(ids.map(() => "nothing"))
    expect(handedIn).toEqual(["abcd"])
    expect(said).toEqual([])
  })

  test("a word that nobody knows is waited for, and said without what it holds", async () => {
    const { said, handedIn, files } = await around(api, {
      toldAs: (told) => withStatus(told, `sleeping\u001b[2J ${key}`),
    })
    expect(handedIn).toEqual(["abcd"])
    expect(said[0]).toMatch(/is "sleeping \[2j \[redacted\]", which is no word for a batch/u)
    expect(files).not.toContain(key)
  })

  test("requests that a service loses again and again are not paid for again and again", async () => {
    const { again, handedIn, said } = await around(api, {
      fileAs: (lines, name) => (name === "output" ? lines.map(() => line("renamed", 200, "x")) : []),
    })
    expect(said.join("\n")).toMatch(/without results for 4 of 4 requests, and with 4 for none of them/u)
    expect({ again, handedIn }).toEqual({ again: "no error", handedIn: ["abcd", "abcd"] })
    await using place = await temporaryFolder()
    await using server = startBatchServer({
      api,
      looksUntilEnd: 0,
      fileAs: () => ids.map(() => line("renamed", 200, "x")),
    })
    const { command } = commandsAt(api, server.url, join(place.path, ".batch/api"))
    const ended: Array<string> = []
    for (let i = 0; i < 6; i++) {
      ended.push(messageOf(await command(askAll)))
      await command((batches) => batches.collect)
    }
    // Twice more than the first time.
    expect(server.batches.length).toBe(3)
    expect(ended.at(-1)).toMatch(
      /3 batches were completed without a result for this request.*remove their folders/u,
    )
  })

  test("what a service has not come to in time is asked again as often as that happens: nobody has paid for it", async () => {
    await using place = await temporaryFolder()
    await using server = startBatchServer({
      api,
      looksUntilEnd: 0,
      endsAs: (batch) => (batch > 6 ? "completed" : batch % 2 === 0 ? "expired" : "cancelled"),
    })
    const { command } = commandsAt(api, server.url, join(place.path, ".batch/api"))
    const ended = await command((batches) =>
      Effect.forEach(Array.from({ length: 7 }), () => Effect.zipRight(askAll(batches), batches.collect)),
    )
    expect(messageOf(ended)).toBe("no error")
    expect(server.batches.length).toBe(7)
  })

  test("a file in which no request has come together is not submitted", async () => {
    await using place = await temporaryFolder()
    await using server = startBatchServer({
      api,
      looksUntilEnd: 0,
    })
    const folder = join(place.path, ".batch/api")
    const { command } = commandsAt(api, server.url, folder)
    const broken: LazyBody = {
      length: 100,
      stream: () => {
        throw new PictureReadError("the picture changed")
      },
    }
    await command((batches) =>
      Effect.zipRight(Effect.either(batches.add({ request: requestOf("a"), body: broken })), batches.submit),
    )
    expect(server.asked).toEqual([])
    expect(readdirSync(folder)).toEqual([])
  })

  test("401 when results are fetched is said, and they are there with the right key", async () => {
    let isLocked = false
    await using place = await temporaryFolder()
    await using server = startBatchServer({
      api,
      looksUntilEnd: 0,
      fateOf: answered,
      refuse: (method) =>
        isLocked && method === "GET"
          ? Response.json({ error: { message: `Incorrect API key provided: ${key}` } }, { status: 401 })
          : undefined,
    })
    const { command } = commandsAt(api, server.url, join(place.path, ".batch/api"))
    await command(askAll)
    isLocked = true
    const refused = messageOf(await command((batches) => batches.collect))
    expect(refused).toContain("check --api-key")
    expect(refused).not.toContain(key)
    isLocked = false
    expect(await command((batches) => batches.collect)).toEqual(Either.right(1))
    expect(allAnswered(Either.getOrThrow(await command(arrivals)))).toBe(true)
  })

  test("a file that changes or goes before it is submitted is no fault of the network, and is put together anew", async () => {
    for (const spoil of [
      (path: string) => truncateSync(path, 20),
      (path: string) => appendFileSync(path, "more"),
      (path: string) => rmSync(path),
    ]) {
      await using place = await temporaryFolder()
      await using server = startBatchServer({ api })
      const { command } = commandsAt(api, server.url, place.path)
      const spoiled = await command((batches) =>
        Effect.zipRight(
          Effect.tap(asking(batches), () =>
            spoil(join(place.path, readdirSync(place.path)[0] ?? "", "input.jsonl")),
          ),
          batches.submit,
        ),
      )
      const message = messageOf(spoiled)
      expect(message).toMatch(/input\.jsonl.*Nothing was asked: the next run/u)
      expect(message).not.toMatch(/connection|network|broke off/u)
      expect(server.batches.length).toBe(0)
      expect(messageOf(await command(askAll))).toBe("no error")
      expect(server.batches.length).toBe(1)
    }
  })

  test("a result that was changed after it had come is said, and asked anew", async () => {
    for (const change of [
      (path: string) => truncateSync(path, 30),
      (path: string) =>
        writeFileSync(
          path,
          readFileSync(path, "utf8").replaceAll("answer", "ANSWER").replaceAll("custom_id", "custom_od"),
        ),
      (path: string) => rmSync(path),
    ]) {
      await using place = await temporaryFolder()
      await using server = startBatchServer({ api, looksUntilEnd: 0, fateOf: answered })
      const { command, said } = commandsAt(api, server.url, place.path)
      await command(askAll)
      const got = await command((batches) =>
        Effect.flatMap(batches.collect, () => {
          change(join(place.path, readdirSync(place.path)[0] ?? "", "output.jsonl"))
          return arrivals(batches)
        }),
      )
      expect(Either.getOrThrow(got)).toContain("nothing")
      expect(said.join("\n")).toMatch(
        /result of the request \w does not stand in .*output\.jsonl any more.*asked anew/u,
      )
    }
  })
})
