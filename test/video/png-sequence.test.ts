import { expect, setDefaultTimeout, test } from "bun:test"
import { writeFile } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { Effect, Layer } from "effect"
import * as Layers from "../../src/layers.ts"
import { makeBitmap } from "../../src/picture/bmp.ts"
import { Pipeline } from "../../src/pipeline.ts"
import { decoderContract } from "../contract/decoder.contract.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { quickSettings } from "../support/run-pipeline.ts"
import { decodeInOrder } from "../support/truth.ts"
import { HEADING, pngSequences } from "./png-sequence.ts"

setDefaultTimeout(60_000)

const pngs = { name: "png", make: () => Effect.succeed(pngSequences) } as const

/** What the films show that sequences were made of, by sequence. */
const shown = new Map<string, ReadonlyArray<Uint8Array>>()

/** A film of 160x120 or, rotated, of 120x160 as PNGs. */
const asPngs = async (film: string): Promise<string> => {
  const upright = { displayWidth: 160, displayHeight: 120, rotationDegrees: 0, mirrored: false } as const
  const pictures = (await decodeInOrder({ file: film, streamIndex: 0, ...upright })).map(({ data }) => data)
  const names = pictures.map((data, i) => ({ data, name: `${basename(film)}-${i}.png` }))
  for (const { data, name } of names) {
    const { file, pixels } = makeBitmap(160, 120)
    pixels.set(data)
    await writeFile(join(dirname(film), name), await new Bun.Image(file).png().bytes())
  }
  const list = join(dirname(film), "film.pngs")
  await writeFile(list, [HEADING, ...names.map(({ name }) => name), ""].join("\n"))
  shown.set(list, pictures)
  return list
}

decoderContract({
  name: "png-sequence",
  layer: Layers.videoOf([pngs], { decoderFallback: false }),
  refuses: {},
  rounds: {},
  own: {
    from: asPngs,
    cases: { PNGs: { make: async () => asPngs(await makeVideo({ frames: 20 })), frames: 20, codec: "png" } },
    truth: async ({ file }) => new Map(shown.get(file)?.entries() ?? []),
    soundAlone: "NotAVideo",
  },
})

test("a run goes from a folder of PNGs to a checked dataset, with a backend of one's own behind libav", async () => {
  const list = await asPngs(await makeVideo({ frames: 60 }))
  const outputRoot = runFolder()
  const video = Layers.videoOf([Layers.backends[0], pngs])
  const result = await Effect.flatMap(Pipeline, (pipeline) =>
    pipeline.runVideo(list, quickSettings(outputRoot, { postValidate: true })),
  ).pipe(
    Effect.provide(Layer.provide(Layers.pipeline, Layer.merge(video, Layers.rehearsal))),
    Effect.runPromise,
  )
  const summary = await Bun.file(join(result.folder, "run_summary.json")).json()
  expect(summary).toMatchObject({ decoder: "png-sequence" })
  expect(summary.post_validate).toEqual({ ok: true, problems: [] })
  expect(summary.decoding.hand_overs).toMatchObject([
    { from: "libav", to: "png-sequence", reason: "NotAVideo" },
  ])
})
