/** The things in the demo scene and how each of them is drawn. Lengths in pixels, angles in radians, clockwise. */
import {
  below,
  blend,
  type Canvas,
  capsule,
  clamp,
  disc,
  ellipse,
  fill,
  mix,
  outline,
  type Paint,
  type Point,
  placed,
  polygon,
  type Rgb,
  rectangle,
  type Shape,
  surfaceHeight,
} from "./raster.ts"

/** Height of the line on which everything stands. */
export const TABLE_Y = 298
/** How far the far side of a box is shifted to the right and up. */
const DEPTH = 12
const SHADOW: Rgb = [52, 34, 24]
const STEEL: Rgb = [58, 66, 82]
const STEEL_LIGHT: Rgb = [92, 103, 122]
const ENAMEL: Rgb = [252, 250, 245]
const ENAMEL_SHADE: Rgb = [214, 214, 214]
const ENAMEL_EDGE: Rgb = [128, 140, 152]
const TEAL: Rgb = [48, 112, 128]
const FOAM: Rgb = [255, 220, 138]
const ACCENT: Rgb = [247, 148, 42]
const LIQUID: Rgb = [255, 178, 44]
const LIQUID_DEEP: Rgb = [232, 128, 22]
const WHITE: Rgb = [255, 255, 255]

export interface Box {
  readonly width: number
  readonly height: number
  readonly top: Rgb
  readonly front: Rgb
  readonly side: Rgb
}

export const RED_CUBE: Box = {
  width: 44,
  height: 44,
  top: [247, 122, 112],
  front: [224, 62, 58],
  side: [163, 34, 40],
}
export const BLUE_BLOCK: Box = {
  width: 62,
  height: 52,
  top: [122, 172, 240],
  front: [54, 112, 205],
  side: [32, 72, 146],
}

/** The picture without anything that moves: wall, rail, table, and the marked square around `markX`. */
export const drawBackground = (canvas: Canvas, markX: number): void => {
  const { width, height } = canvas
  canvas.pixels.fill(255)
  fill(canvas, rectangle(-1, -1, width + 1, 238), { color: [122, 164, 184], to: [214, 229, 230] })
  fill(canvas, disc([130, 30], 190), { color: [255, 250, 232], alpha: 0.38, softness: 370 })
  // The table: far edge, top with a little grain, front edge.
  fill(canvas, rectangle(-1, 236, width + 1, 336), { color: [214, 176, 132], to: [236, 204, 162] })
  for (let i = 0; i < 26; i++) {
    const y = 240 + ((i * 37) % 94)
    const x = (i * 131) % width
    fill(canvas, capsule([x, y], [x + 90 + ((i * 53) % 120), y + 0.6], 0.7), {
      color: [186, 142, 98],
      alpha: 0.28,
    })
  }
  fill(canvas, rectangle(-1, 235, width + 1, 237), { color: [168, 128, 90], alpha: 0.8 })
  fill(canvas, rectangle(-1, 336, width + 1, 339), { color: [246, 222, 186] })
  fill(canvas, rectangle(-1, 339, width + 1, height + 1), { color: [164, 116, 76], to: [134, 92, 60] })
  // The marked square, seen at the same slant as the top of a box.
  const y = TABLE_Y + 6
  const mark = polygon([
    [markX - 44, y],
    [markX + 36, y],
    [markX + 60, y - 24],
    [markX - 20, y - 24],
  ])
  fill(canvas, mark, { color: [44, 160, 108], alpha: 0.3 })
  fill(canvas, outline(mark, 3.5), { color: [22, 132, 86] })
  // The rail under the ceiling.
  fill(canvas, rectangle(-1, 20, width + 1, 32), { color: [30, 50, 66], alpha: 0.25, softness: 14 })
  fill(canvas, rectangle(-1, 5, width + 1, 21), { color: STEEL_LIGHT, to: STEEL })
  fill(canvas, rectangle(-1, 11, width + 1, 13.5), { color: [28, 33, 44], alpha: 0.7 })
}

/** Soft contact shadow of something `halfWidth` wide to either side whose underside is `lift` above the table. */
export const drawShadow = (canvas: Canvas, x: number, halfWidth: number, lift: number): void => {
  const near = clamp(1 - lift / 190, 0, 1)
  fill(canvas, ellipse([x + 8, TABLE_Y - 1], halfWidth + 8, 9), {
    color: SHADOW,
    alpha: 0.1 + 0.4 * near * near,
    softness: 12 + lift * 0.12,
  })
}

/** A box whose front face stands on `bottom`, centred at `x`. */
export const drawBox = (canvas: Canvas, box: Box, x: number, bottom: number): void => {
  const left = x - box.width / 2
  const right = x + box.width / 2
  const top = bottom - box.height
  const side = polygon([
    [right - 1, top],
    [right + DEPTH, top - DEPTH],
    [right + DEPTH, bottom - DEPTH],
    [right - 1, bottom],
  ])
  const lid = polygon([
    [left, top + 0.5],
    [left + DEPTH, top - DEPTH],
    [right + DEPTH, top - DEPTH],
    [right, top + 0.5],
  ])
  fill(canvas, side, { color: box.side })
  fill(canvas, lid, { color: box.top })
  fill(canvas, rectangle(left, top, right, bottom), { color: box.front, to: blend(box.front, box.side, 0.3) })
  fill(canvas, capsule([left + 1, top + 0.5], [right - 1, top + 0.5], 0.8), { color: WHITE, alpha: 0.45 })
}

/** Points of the jug in its own coordinates: origin in the middle of its foot, upright. */
export const JUG = {
  body: [
    [-25, -3],
    [-21, -75],
    [21, -75],
    [25, -3],
  ],
  spout: [-36, -79],
  /** Middle of the upright bar of the handle, where the gripper holds it. */
  grip: [46, -46],
} as const satisfies { body: ReadonlyArray<Point>; spout: Point; grip: Point }

/** Corners of the jug's body for a foot at `foot` and a turn by `angle`. */
export const jugBody = (foot: Point, angle: number): ReadonlyArray<Point> =>
  JUG.body.map((corner) => placed(foot, angle, corner))

const drawLiquid = (canvas: Canvas, inside: Shape, surface: number): void => {
  fill(canvas, below(inside, surface), { color: FOAM, alpha: 0.95 })
  fill(canvas, below(inside, surface + 2.5), { color: LIQUID, to: LIQUID_DEEP })
}

/** The jug with a liquid of `area` square pixels, whose surface stays level however the jug is turned. */
export const drawJug = (canvas: Canvas, foot: Point, angle: number, area: number): void => {
  const at = (x: number, y: number): Point => placed(foot, angle, [x, y])
  const handle = [at(25, -67), at(38, -67), at(46, -59), at(46, -28), at(38, -19), at(27, -19)]
  handle.forEach((to, i) => {
    fill(canvas, capsule(handle[i - 1] ?? to, to, 4.5), { color: TEAL })
  })
  const glass = polygon(
    [at(-24, -2), at(-20, -60), placed(foot, angle, JUG.spout), at(20, -76), at(24, -2)],
    1.5,
  )
  fill(canvas, glass, { color: [232, 247, 250], alpha: 0.55 })
  drawLiquid(canvas, glass, surfaceHeight(jugBody(foot, angle), area))
  fill(canvas, capsule(at(-13, -58), at(-15, -12), 2.4), { color: WHITE, alpha: 0.6 })
  fill(canvas, outline(glass, 2.6), { color: TEAL })
}

/** Size of the glass; its foot is a little narrower than its mouth. */
export const GLASS = { mouth: 27, foot: 21, height: 64, bottom: 5 } as const

/** The glass standing on the table at `x`, filled `level` pixels high. */
export const drawGlass = (canvas: Canvas, x: number, level: number): void => {
  const { mouth, foot, height, bottom } = GLASS
  const halfWidth = (above: number) => mix(foot, mouth, above / height)
  const wall = polygon([
    [x - foot, TABLE_Y - 1],
    [x - mouth, TABLE_Y - height],
    [x + mouth, TABLE_Y - height],
    [x + foot, TABLE_Y - 1],
  ])
  fill(canvas, wall, { color: [236, 248, 250], alpha: 0.42 })
  if (level > 0.3) {
    const surface = TABLE_Y - bottom - level
    const wide = halfWidth(bottom + level) - 2.5
    const inside = polygon([
      [x - halfWidth(bottom) + 2.5, TABLE_Y - bottom],
      [x - wide, surface],
      [x + wide, surface],
      [x + halfWidth(bottom) - 2.5, TABLE_Y - bottom],
    ])
    fill(canvas, inside, { color: LIQUID, to: LIQUID_DEEP })
    fill(canvas, ellipse([x, surface], wide, Math.min(3.5, level / 2)), { color: FOAM })
  }
  fill(canvas, capsule([x - 14, TABLE_Y - 52], [x - 11, TABLE_Y - 14], 2), { color: WHITE, alpha: 0.65 })
  fill(canvas, outline(wall, 2.4), { color: [84, 132, 150] })
  fill(canvas, outline(ellipse([x, TABLE_Y - height], mouth, 4), 2), { color: [84, 132, 150] })
}

/** The falling liquid between two heights. */
export const drawStream = (canvas: Canvas, x: number, top: number, bottom: number): void => {
  if (bottom - top > 1) fill(canvas, capsule([x, top], [x, bottom], 3.6, 2.4), { color: LIQUID })
}

/** Where the gripper is: the point between its finger tips, its turn, and half the gap between the fingers. */
export interface GripperPose {
  readonly tip: Point
  readonly angle: number
  readonly opening: number
}

/** Distance from the finger tips to the wrist joint. */
const WRIST = 64
const LINK = 100

const armJoints = (pose: GripperPose): readonly [shoulder: Point, elbow: Point, wrist: Point] => {
  const wrist = placed(pose.tip, pose.angle, [0, -WRIST])
  const shoulder: Point = [mix(240, wrist[0], 0.94), 36]
  const dx = wrist[0] - shoulder[0]
  const dy = wrist[1] - shoulder[1]
  const reach = Math.hypot(dx, dy)
  const bend = Math.sqrt(Math.max(LINK * LINK - (reach * reach) / 4, 0)) / Math.max(reach, 1e-9)
  // Of the two ways to bend, the elbow always takes the one to the left.
  return [shoulder, [shoulder[0] + dx / 2 - dy * bend, shoulder[1] + dy / 2 + dx * bend], wrist]
}

const drawJoint = (canvas: Canvas, center: Point, radius: number): void => {
  fill(canvas, disc(center, radius), { color: STEEL_LIGHT, to: STEEL })
  fill(canvas, disc(center, radius * 0.45), { color: ACCENT })
}

/** Carriage and links, from the rail to the wrist, with their shadow on the wall. */
export const drawArm = (canvas: Canvas, pose: GripperPose): void => {
  const [shoulder, elbow, wrist] = armJoints(pose)
  const [carriageX] = shoulder
  const drop = (point: Point): Point => [point[0] + 12, point[1] + 14]
  const shadow: Paint = { color: [30, 50, 66], alpha: 0.2, softness: 14 }
  fill(canvas, capsule(drop(shoulder), drop(elbow), 9), shadow)
  fill(canvas, capsule(drop(elbow), drop(wrist), 9), shadow)
  fill(canvas, rectangle(carriageX - 30, 2, carriageX + 30, 30, 5), { color: STEEL_LIGHT, to: STEEL })
  fill(canvas, rectangle(carriageX - 18, 9, carriageX + 18, 14, 2), { color: ACCENT })
  fill(canvas, capsule(shoulder, elbow, 13, 11), { color: ENAMEL_EDGE })
  fill(canvas, capsule(shoulder, elbow, 11.5, 9.5), { color: ENAMEL, to: ENAMEL_SHADE })
  fill(canvas, capsule(elbow, wrist, 11, 9), { color: ENAMEL_EDGE })
  fill(canvas, capsule(elbow, wrist, 9.5, 7.5), { color: ENAMEL, to: ENAMEL_SHADE })
  drawJoint(canvas, shoulder, 14)
  drawJoint(canvas, elbow, 12)
}

/** Wrist, palm and the two fingers. The lamp on the palm is green while something is held. */
export const drawGripper = (canvas: Canvas, pose: GripperPose, holding: boolean): void => {
  const at = (x: number, y: number): Point => placed(pose.tip, pose.angle, [x, y])
  const panel = (left: number, top: number, right: number, bottom: number, radius: number) =>
    rectangle(left, top, right, bottom, radius, at)
  fill(canvas, capsule(at(0, -WRIST), at(0, -44), 10), { color: STEEL_LIGHT, to: STEEL })
  for (const side of [-1, 1]) {
    const inner = side * pose.opening
    const outer = inner + side * 9
    const finger = polygon(
      [
        at(inner + side * 1.5, -34),
        at(inner + side * 1.5, 13),
        at(outer - side * 3, 13),
        at(outer, -4),
        at(outer, -34),
      ],
      1.5,
    )
    fill(canvas, finger, { color: STEEL_LIGHT, to: STEEL })
    fill(canvas, capsule(at(inner + side * 1.8, -9), at(inner + side * 1.8, 12), 1.8), { color: ACCENT })
  }
  const half = Math.max(26, pose.opening + 10)
  fill(canvas, panel(-half, -38, half, -30, 3), { color: [38, 44, 56] })
  fill(canvas, panel(-25, -51, 25, -34, 5), { color: ENAMEL_EDGE })
  fill(canvas, panel(-23.5, -49.5, 23.5, -35.5, 4), { color: ENAMEL, to: ENAMEL_SHADE })
  fill(canvas, disc(at(0, -42.5), 3.6), { color: holding ? [42, 190, 96] : [190, 196, 204] })
  drawJoint(canvas, at(0, -WRIST), 11)
}
