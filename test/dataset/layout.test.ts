import { describe, expect, test } from "bun:test"
import { isSamplePath, keyframeName, samplePath } from "../../src/dataset/layout.ts"

describe("the time in a picture's name has two decimals, rounded as Python and C do", () => {
  test.each([
    [0, "0.00"],
    [0.125, "0.12"],
    [0.375, "0.38"],
    [0.625, "0.62"],
    [0.875, "0.88"],
    [1.125, "1.12"],
    [12345.625, "12345.62"],
    [0.115, "0.12"],
    [1.005, "1.00"],
    [2.675, "2.67"],
    [0.25, "0.25"],
    [0.5, "0.50"],
    [40.04, "40.04"],
    [3.999, "4.00"],
    [-0.125, "-0.12"],
    [-0.375, "-0.38"],
  ])("%p is %p", (seconds, text) => {
    expect(samplePath(7, seconds)).toBe(`sampled_frames/sample_007_ts_${text}s.jpg`)
  })

  test("a name that an earlier version gave is one, too, and its keyframe is called after it", () => {
    expect(isSamplePath("sampled_frames/sample_007_ts_0.13s.jpg", 7, 0.125)).toBe(true)
    expect(isSamplePath("sampled_frames/sample_007_ts_0.14s.jpg", 7, 0.125)).toBe(false)
    expect(isSamplePath("sampled_frames/sample_008_ts_0.12s.jpg", 7, 0.125)).toBe(false)
    expect(keyframeName("sampled_frames/sample_007_ts_0.13s.jpg")).toBe("frame_007_ts_0.13s.jpg")
  })
})
