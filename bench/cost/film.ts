import { makeVideo } from "../../test/support/media.ts"

/** A bar that moves over a grey wall, planar 4:2:0: only the number and the size of pictures matter to a bill. */
const painter = (width: number, height: number) => {
  const bar = Math.floor(width / 10)
  return (number: number): Uint8Array => {
    const picture = new Uint8Array((width * height * 3) / 2).fill(128)
    const left = (number * 7) % (width - bar)
    for (let y = 0; y < height; y++) picture.fill(40, y * width + left, y * width + left + bar)
    return picture
  }
}

export interface Film {
  readonly width: number
  readonly height: number
  /** Seconds between two frames; steps of a plan need 50 of them. */
  readonly secondsPerFrame: number
  readonly frames: number
}

/** Half an hour of 1080p, with a frame every three seconds. */
export const halfHour: Film = { width: 1920, height: 1080, secondsPerFrame: 3, frames: 600 }

/** Films it, all of its frames a jump apart from a key frame. */
export const makeFilm = ({ frames, height, secondsPerFrame, width }: Film, dir: string): Promise<string> =>
  makeVideo({
    dir,
    name: "half hour.mp4",
    width,
    height,
    frames,
    timeBase: [secondsPerFrame, 1],
    keyframeEvery: 5,
    bFrames: 0,
    draw: painter(width, height),
  })
