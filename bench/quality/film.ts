import { makeVideo } from "../../test/support/media.ts"
import { paintPlate, plateHeight, plateWidth } from "./plate.ts"
import { seeded, seedOf } from "./random.ts"
import { actionAt, type World } from "./world.ts"

export const width = 320
export const height = 180

const even = (value: number): number => 2 * Math.floor(value / 2)

/** Index labels are drawn in the upper part of a picture; what a person would look at is below. */
const belowLabels = 0.4

/** Where the plate is in each view; the view changes at every cut. */
const placesOf = ({ videoId, cutsSec }: World): ReadonlyArray<readonly [x: number, y: number]> => {
  const random = seeded(seedOf(videoId))
  const top = height * belowLabels
  return [0, ...cutsSec].map(() => [
    even(random() * (width - plateWidth)),
    even(top + random() * (height - top - plateHeight)),
  ])
}

/** A grey room: planar 4:2:0, darker towards the ground, another one in every view. */
const room = (view: number): Uint8Array => {
  const picture = new Uint8Array((width * height * 3) / 2).fill(128)
  for (let y = 0; y < height; y++)
    picture.fill(90 + 12 * (view % 5) + Math.round((60 * y) / height), y * width, (y + 1) * width)
  return picture
}

/** Something that moves, so that no two pictures are the same. */
const paintBall = (picture: Uint8Array, number: number): void => {
  const [x, y] = [Math.round((0.5 + 0.45 * Math.sin(number / 17)) * (width - 12)), 66]
  for (let row = y; row < y + 6; row++) picture.fill(200, row * width + x, row * width + x + 12)
}

/**
 * Films a world: H.264 at its rate, with a plate in every picture that says what is being done. `blind` paints the plates over, so that
 * nothing can be known from the pictures.
 */
export const film = (world: World, dir: string, { blind = false } = {}): Promise<string> => {
  const places = placesOf(world)
  const rooms = places.map((_, view) => room(view))
  const picture = new Uint8Array((width * height * 3) / 2)
  return makeVideo({
    dir,
    name: `${world.videoId}.mp4`,
    width,
    height,
    frames: Math.round(world.durationSec * world.rate),
    timeBase: [1, world.rate],
    keyframeEvery: 50,
    bFrames: 0,
    draw: (number) => {
      const seconds = number / world.rate
      const view = world.cutsSec.filter((cut) => cut <= seconds).length
      picture.set(rooms[view] ?? room(view))
      paintBall(picture, number)
      const [x, y] = places[view] ?? [0, height / 2]
      if (!blind)
        paintPlate(picture, width, height, [x, y], {
          action: actionAt(world, seconds),
          deciseconds: Math.round(seconds * 10),
        })
      return picture
    },
  })
}
