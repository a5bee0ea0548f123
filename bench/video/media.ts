import { makeVideo } from "../../test/support/media.ts"

/** A 720p H.264 video with keyframes 250 frames apart; `frames` of them at 30 per second. */
export const makeLongVideo = (dir: string, frames: number): Promise<string> =>
  makeVideo({
    dir,
    name: "long.mp4",
    width: 1280,
    height: 720,
    frames,
    timeBase: [1, 30],
    keyframeEvery: 250,
    bFrames: 2,
  })

/** Short clips, as datasets of demonstrations have them. */
export const makeShortVideos = (dir: string, count: number): Promise<ReadonlyArray<string>> =>
  Promise.all(Array.from({ length: count }, (_, i) => makeVideo({ dir, name: `short ${i}.mp4`, frames: 90 })))
