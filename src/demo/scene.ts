/**
 * The demo scene: a robot gripper on a rail does five things on a table, with a short rest before, between and after
 * them. Everything is drawn from the frame's index alone, so a frame is always the same bytes.
 */
import {
  BLUE_BLOCK,
  drawArm,
  drawBackground,
  drawBox,
  drawGlass,
  drawGripper,
  drawJug,
  drawShadow,
  drawStream,
  GLASS,
  type GripperPose,
  JUG,
  jugBody,
  RED_CUBE,
  TABLE_Y,
} from "./props.ts"
import { areaBelow, type Canvas, clamp, mix, type Point, placed } from "./raster.ts"

export interface SceneStep {
  readonly goal: string
}

/** What the scene shows and when. */
export interface Scene {
  /** Picture size in pixels. */
  readonly width: number
  readonly height: number
  /** Frames per second; frame `i` shows the time `i / fps`. */
  readonly fps: number
  readonly durationSec: number
  readonly frameCount: number
  /**
   * Seconds, increasing, one more than there are steps: step `k` (0-based) takes place within
   * `[boundaries[k], boundaries[k + 1])`. Each lies in the middle of the rest of the same position in `rests`.
   */
  readonly boundaries: ReadonlyArray<number>
  /** `[start, end)` in seconds of the stretches in which nothing moves. */
  readonly rests: ReadonlyArray<readonly [startSec: number, endSec: number]>
  readonly steps: ReadonlyArray<SceneStep>
}

const FPS = 15
const DURATION_SEC = 26
const RESTS = [
  [0, 0.8],
  [4.2, 5],
  [8.6, 9.4],
  [13.2, 14],
  [20.6, 21.4],
  [25.2, DURATION_SEC],
] as const

export const scene: Scene = {
  width: 640,
  height: 360,
  fps: FPS,
  durationSec: DURATION_SEC,
  frameCount: FPS * DURATION_SEC,
  boundaries: RESTS.map(([start, end]) => Math.round((start + end) * 500) / 1000),
  rests: RESTS,
  steps: [
    { goal: "Pick up the red cube" },
    { goal: "Place the red cube on the blue block" },
    { goal: "Pick up the jug" },
    { goal: "Pour liquid into the glass and set the jug down" },
    { goal: "Push the stack onto the marked square" },
  ],
}

const MARK_X = 92
const CUBE_X = 178
const BLOCK_X = 280
const GLASS_X = 408
const JUG_X = 514
const JUG_GRIP_X = JUG_X + JUG.grip[0]
/** Height of the finger tips when travelling. */
const HIGH = 150
/** Where the tips would be over the glass with the jug upright: its spout is then just right of the glass's middle. */
const POUR_X = GLASS_X + 5 + JUG.grip[0] - JUG.spout[0]
const POUR_Y = 238
const PUSH_X = BLOCK_X + BLUE_BLOCK.width / 2 + 18
const PUSH_END_X = PUSH_X - (BLOCK_X - MARK_X)
const PUSH_TILT = 0.42
const OPEN = 32
const CUBE_HELD = RED_CUBE.width / 2
const JUG_HELD = 4.5
/** Liquid in square pixels of the picture: in the jug before and after pouring. */
const JUG_FULL = 2100
const JUG_REST = 900
const LEVEL_FULL = 36

/** `[start, end)` in seconds on the scene's clock. */
type Span = readonly [startSec: number, endSec: number]

const CUBE_IN_HAND: Span = [3.2, 7.2]
const JUG_IN_HAND: Span = [12.2, 19.6]
const TILT_START: Span = [14.8, 15.8]
const POUR: Span = [15.8, 17.3]
const TILT_END: Span = [17.3, 18.2]
const PUSH: Span = [23.1, 24.4]
/** Seconds the liquid needs to fall from the spout into the glass. */
const FALL_SEC = 0.2

/** A smooth change to `value` between two times in seconds. */
type Move = readonly [startSec: number, endSec: number, value: number]

const X: ReadonlyArray<Move> = [
  [0.8, 2.2, CUBE_X],
  [5, 6.4, BLOCK_X],
  [9.4, 11, JUG_GRIP_X],
  [14, 15, POUR_X],
  [18, 18.9, JUG_GRIP_X],
  [21.4, 22.5, PUSH_X],
  [...PUSH, PUSH_END_X],
  [24.4, 25.2, PUSH_END_X + 60],
]
const Y: ReadonlyArray<Move> = [
  [1.8, 2.8, TABLE_Y - RED_CUBE.height / 2],
  [3.2, 4.2, HIGH],
  [6.1, 7.2, TABLE_Y - BLUE_BLOCK.height - RED_CUBE.height / 2],
  [7.6, 8.6, HIGH],
  [10.6, 11.8, TABLE_Y + JUG.grip[1]],
  [12.2, 13.2, HIGH],
  [14.9, 15.8, POUR_Y],
  [17.3, 18.2, HIGH],
  [18.7, 19.6, TABLE_Y + JUG.grip[1]],
  [19.9, 20.6, HIGH],
  [22.1, 23, TABLE_Y - 34],
  [24.4, 25.2, HIGH],
]
const OPENING: ReadonlyArray<Move> = [
  [2.8, 3.2, CUBE_HELD],
  [7.2, 7.6, OPEN],
  [10, 10.8, 20],
  [11.8, 12.2, JUG_HELD],
  [19.6, 19.9, 16],
  [21.4, 22, 5],
  [24.5, 25.2, OPEN],
]
/** Turn of the gripper while it holds no jug, radians clockwise. */
const LEAN: ReadonlyArray<Move> = [
  [21.6, 22.6, PUSH_TILT],
  [24.5, 25.2, 0],
]

const ease = (share: number): number => share * share * share * (share * (share * 6 - 15) + 10)

const progress = (time: number, [start, end]: Span): number =>
  ease(clamp((time - start) / (end - start), 0, 1))

const isWithin = (time: number, [start, end]: Span): boolean => time >= start && time < end

const follow = (initial: number, moves: ReadonlyArray<Move>, time: number): number =>
  moves.reduce((value, [start, end, next]) => mix(value, next, progress(time, [start, end])), initial)

/** Turn (counter-clockwise, so below zero) at which the jug's liquid of `area` square pixels just reaches the spout. */
const spillAngle = (area: number): number => {
  let more = -1.5
  let less = 0
  for (let i = 0; i < 20; i++) {
    const angle = (more + less) / 2
    const lip = placed([0, 0], angle, JUG.spout)[1]
    if (areaBelow(jugBody([0, 0], angle), lip) > area) less = angle
    else more = angle
  }
  return less
}

interface Moment {
  readonly pose: GripperPose
  readonly holding: boolean
  readonly cube: Point
  readonly blockX: number
  readonly jugFoot: Point
  readonly jugAngle: number
  readonly jugArea: number
  readonly glassLevel: number
  readonly stream: readonly [top: number, bottom: number]
}

const momentAt = (time: number): Moment => {
  const jugArea = mix(JUG_FULL, JUG_REST, progress(time, POUR))
  const jugAngle = spillAngle(jugArea) * progress(time, TILT_START) * (1 - progress(time, TILT_END))
  const upright: Point = [follow(330, X, time), follow(HIGH, Y, time)]
  // The jug turns about its spout, so that the liquid falls in one place: the tips swing around it.
  const reach: Point = [JUG.grip[0] - JUG.spout[0], JUG.grip[1] - JUG.spout[1]]
  const spout: Point = [upright[0] - reach[0], upright[1] - reach[1]]
  const tip = placed(spout, jugAngle, reach)
  const angle = jugAngle + follow(0, LEAN, time)

  const holdsCube = isWithin(time, CUBE_IN_HAND)
  const holdsJug = isWithin(time, JUG_IN_HAND)
  const blockX = mix(BLOCK_X, MARK_X, progress(time, PUSH))
  const stacked: Point = [blockX, TABLE_Y - BLUE_BLOCK.height]
  const level = LEVEL_FULL * progress(time - FALL_SEC, POUR)
  const surface = TABLE_Y - GLASS.bottom - level
  const fallen = (since: number) => mix(spout[1], surface, clamp((time - since) / FALL_SEC, 0, 1) ** 2)
  return {
    pose: { tip, angle, opening: follow(OPEN, OPENING, time) },
    holding: holdsCube || holdsJug,
    cube: holdsCube
      ? [tip[0], tip[1] + RED_CUBE.height / 2]
      : time < CUBE_IN_HAND[0]
        ? [CUBE_X, TABLE_Y]
        : stacked,
    blockX,
    jugFoot: holdsJug ? placed(tip, jugAngle, [-JUG.grip[0], -JUG.grip[1]]) : [JUG_X, TABLE_Y],
    jugAngle,
    jugArea,
    glassLevel: level,
    stream: [fallen(POUR[1]), fallen(POUR[0])],
  }
}

let background: Uint8Array | undefined

const backgroundPixels = (): Uint8Array => {
  if (background === undefined) {
    background = new Uint8Array(scene.width * scene.height * 4)
    drawBackground({ width: scene.width, height: scene.height, pixels: background }, MARK_X)
  }
  return background
}

/**
 * Draws frame `index` (0-based, `0..scene.frameCount - 1`) into `out`, which must hold exactly
 * `scene.width * scene.height * 4` bytes: RGBA, rows from top to bottom, opaque. Every byte is overwritten.
 *
 * @throws RangeError for another index or size.
 */
export const drawFrame = (index: number, out: Uint8Array): void => {
  if (!Number.isInteger(index) || index < 0 || index >= scene.frameCount)
    throw new RangeError(`frame index ${index} is not in 0..${scene.frameCount - 1}`)
  const empty = backgroundPixels()
  if (out.length !== empty.length)
    throw new RangeError(`a frame takes ${empty.length} bytes, the buffer has ${out.length}`)
  out.set(empty)
  const canvas: Canvas = { width: scene.width, height: scene.height, pixels: out }
  const now = momentAt(index / scene.fps)

  drawShadow(canvas, now.blockX, BLUE_BLOCK.width / 2, 0)
  drawShadow(canvas, now.cube[0], RED_CUBE.width / 2, TABLE_Y - now.cube[1])
  drawShadow(canvas, GLASS_X, GLASS.foot, 0)
  drawShadow(canvas, now.jugFoot[0], 26, TABLE_Y - now.jugFoot[1])
  drawArm(canvas, now.pose)
  drawBox(canvas, BLUE_BLOCK, now.blockX, TABLE_Y)
  drawBox(canvas, RED_CUBE, now.cube[0], now.cube[1])
  drawStream(canvas, GLASS_X + 5, now.stream[0], now.stream[1])
  drawGlass(canvas, GLASS_X, now.glassLevel)
  drawJug(canvas, now.jugFoot, now.jugAngle, now.jugArea)
  drawGripper(canvas, now.pose, now.holding)
}
