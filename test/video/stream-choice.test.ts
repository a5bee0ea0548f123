import { describe, expect, test } from "bun:test"
import { chooseVideo, type StreamTraits } from "../../src/video/stream-choice.ts"

const picture = (index: number, traits: Partial<StreamTraits> = {}): StreamTraits => ({
  index,
  kind: "video",
  isCover: false,
  isDefault: false,
  isForImpaired: false,
  bitRate: 0,
  pixels: 100,
  isAudible: false,
  ...traits,
})
const sound = (isAudible: boolean): StreamTraits => picture(0, { kind: "audio", isAudible })

describe("of several picture streams", () => {
  test.each<readonly [string, ReadonlyArray<StreamTraits>, number]>([
    ["the first, where nothing tells them apart", [picture(0), picture(1)], 0],
    ["the one with the larger pictures", [picture(0), picture(1, { pixels: 200 })], 1],
    [
      "that of the higher bit rate, however large",
      [picture(0, { bitRate: 9 }), picture(1, { pixels: 200 })],
      0,
    ],
    [
      "the one marked default, whatever its bit rate",
      [picture(0, { bitRate: 9 }), picture(1, { isDefault: true })],
      1,
    ],
    [
      "one for everyone as soon as one marked default for few",
      [picture(0, { isForImpaired: true, isDefault: true }), picture(1, { bitRate: 9 })],
      1,
    ],
    ["never a cover", [picture(0, { isCover: true, isDefault: true, pixels: 1e6 }), picture(1)], 1],
    ["none that is sound", [sound(true), picture(1)], 1],
  ])("%s is decoded", (_, streams, index) => {
    expect(chooseVideo("film.mkv", streams)).toBe(index)
    expect(chooseVideo("film.mkv", streams.toReversed())).toBe(index)
  })

  test("none is decoded where there is none; what is there instead is said", () => {
    expect(() => chooseVideo("song.mka", [sound(true)])).toThrow("song.mka has audio but no video stream")
    expect(() => chooseVideo("nil.mka", [sound(false), picture(1, { isCover: true })])).toThrow(
      "nil.mka has no video stream",
    )
  })
})
