import { describe, expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { lazyBody } from "../../../../src/model/protocols/chat/body.ts"
import type { ModelImage, ModelRequest } from "../../../../src/model/VisionModel.ts"
import { localizationTask } from "../../../../src/stages/localize.ts"
import { runFolder } from "../../../support/folders.ts"

const noise = (bytes: number, seed: number) =>
  Uint8Array.from({ length: bytes }, (_, i) => (i * 31 + seed) % 251)

const picture = (bytes: Uint8Array, more: Partial<ModelImage> = {}): ModelImage => {
  const path = join(runFolder(), "picture.jpg")
  writeFileSync(path, bytes)
  return { path, bytes: bytes.length, sha256: "", width: 1, height: 1, ...more }
}

const requestOf = (images: ReadonlyArray<ModelImage>, turns: ModelRequest["turns"] = []): ModelRequest => ({
  videoId: "cup",
  task: localizationTask({ stepIds: [], boundarySeconds: [] }),
  system: 'système "quoted" 系统',
  prompt: "look\nhere",
  images,
  turns,
  attempt: 1,
})

const collected = async (body: ReturnType<typeof lazyBody>) => {
  const pieces: Array<Uint8Array> = []
  for await (const piece of body.stream()) pieces.push(piece)
  return { pieces, text: Buffer.concat(pieces).toString() }
}

const url = (bytes: Uint8Array): string => `data:image/jpeg;base64,${Buffer.from(bytes).toString("base64")}`

describe("a request body", () => {
  // Around the size of what is read at a time, and every remainder of Base64.
  test.each([1, 2, 3, 12_287, 12_288, 12_289, 24_576, 50_000])(
    "holds a picture of %d bytes whole",
    async (bytes) => {
      const content = noise(bytes, bytes)
      const body = lazyBody("m", requestOf([picture(content)]), { temperature: 0 })
      const { pieces, text } = await collected(body)
      expect(JSON.parse(text)).toEqual({
        model: "m",
        messages: [
          { role: "system", content: 'système "quoted" 系统' },
          {
            role: "user",
            content: [
              { type: "text", text: "look\nhere" },
              { type: "image_url", image_url: { url: url(content) } },
            ],
          },
        ],
        temperature: 0,
      })
      expect(Buffer.byteLength(text)).toBe(body.length)
      expect(pieces.every((piece) => piece.length > 0)).toBe(true)
    },
  )

  test("is sent in pieces that are neither tiny nor large, and the same each time", async () => {
    const images = Array.from({ length: 20 }, (_, i) =>
      picture(noise(1000 * i + 1, i), { label: `Frame ${i}` }),
    )
    const body = lazyBody("m", requestOf(images), {})
    const first = await collected(body)
    expect((await collected(body)).text).toBe(first.text)
    expect(first.pieces.slice(0, -1).every(({ length }) => length >= 12 * 1024 && length < 48 * 1024)).toBe(
      true,
    )
    const sent = JSON.parse(first.text).messages[1].content
    expect(
      sent
        .filter((part: { type: string }) => part.type === "text")
        .map((part: { text: string }) => part.text),
    ).toEqual(["look\nhere", ...images.map(({ label }) => label)])
  })

  test("has no empty piece at its end, however long what stands last is", async () => {
    const text = "x".repeat(20_000)
    const { pieces } = await collected(lazyBody("m", requestOf([], [{ role: "user", text }]), {}))
    expect(pieces.map(({ length }) => length > 0)).toEqual([true])
  })

  test("takes a picture out of the middle of a file, which may go on after it", async () => {
    const content = noise(30_000, 7)
    const inside = picture(content, { offset: 10_000, bytes: 15_000 })
    const { text } = await collected(lazyBody("m", requestOf([inside]), {}))
    expect(JSON.parse(text).messages[1].content[1].image_url.url).toBe(url(content.slice(10_000, 25_000)))
  })

  test("ends with the turns of earlier attempts", async () => {
    const turns = [{ role: "assistant", text: "{}" } as const, { role: "user", text: "once more" } as const]
    const { text } = await collected(lazyBody("m", requestOf([], turns), {}))
    expect(JSON.parse(text).messages.slice(2)).toEqual([
      { role: "assistant", content: "{}" },
      { role: "user", content: "once more" },
    ])
  })

  test.each([
    ["is longer", 1],
    ["is shorter", -1],
  ])("breaks off when a picture %s than it was", async (_how, more) => {
    const content = noise(20_000, 3)
    const body = lazyBody("m", requestOf([picture(content, { bytes: content.length - more })]), {})
    await expect(collected(body)).rejects.toThrow("changed while it was being sent")
  })
})
