import { expect, test } from "bun:test"
import { serverSentData } from "../../../src/model/protocols/server-sent.ts"

const eventsOf = async (...pieces: ReadonlyArray<string>) => {
  async function* arriving() {
    yield* pieces
  }
  return (await Array.fromAsync(serverSentData(arriving()))).map((lines) => lines.join("\n"))
}

test("the data of each event, without comments and other fields, one blank taken off", async () => {
  const stream = ": hello\nevent: x\ndata: one\n\ndata:two\nid: data: 7\n\n\n\ndata:  three\n\n"
  expect(await eventsOf(stream)).toEqual(["one", "two", " three"])
})

test("lines of one event belong together, and what comes before the end is an event", async () => {
  expect(await eventsOf("data: a\ndata: b\n\ndata: c\ndata:")).toEqual(["a\nb", "c\n"])
})

test("any end of line, and any cut between pieces", async () => {
  const stream = "data: first\r\n\r\ndata: second\r\rdata: third\n\n"
  for (let cut = 0; cut <= stream.length; cut++)
    expect(await eventsOf(stream.slice(0, cut), stream.slice(cut))).toEqual(["first", "second", "third"])
  expect(await eventsOf(...stream)).toEqual(["first", "second", "third"])
})

test("lines of one event stay together wherever they are cut", async () => {
  const stream = "data: one\r\ndata: two\r\n\r\ndata: three\r\n\r\n"
  for (let cut = 0; cut <= stream.length; cut++)
    expect(await eventsOf(stream.slice(0, cut), "", stream.slice(cut))).toEqual(["one\ntwo", "three"])
  expect(await eventsOf(...stream)).toEqual(["one\ntwo", "three"])
})

test("a line or an event without end is given up", async () => {
  const long = "x".repeat(1 << 19)
  const failure = (...pieces: ReadonlyArray<string>) =>
    eventsOf(...pieces).catch((error: unknown) => String(error))
  expect(await failure(long, long)).toEqual([])
  expect(await failure(long, long, "x")).toContain("a line of the answer's stream does not end")
  expect(await failure(`data: ${long}\n`, `data: ${long}\n`)).toContain(
    "an event of the answer's stream does not end",
  )
  expect(await failure(`data: ${long}\n\n`, `data: ${long}\n\n`)).toHaveLength(2)
})
