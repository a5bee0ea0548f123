/**
 * A small software rasteriser: anti-aliased shapes from signed distances, blended into an RGBA picture.
 *
 * Coordinates are pixels, x to the right, y down; the centre of the top left pixel is (0.5, 0.5). Angles are radians,
 * clockwise as seen on the picture.
 */

export type Point = readonly [x: number, y: number]
/** Red, green, blue, each 0 to 255. */
export type Rgb = readonly [red: number, green: number, blue: number]

/** Picture memory: `width * height * 4` bytes, RGBA, rows from top to bottom, alpha not premultiplied. */
export interface Canvas {
  readonly width: number
  readonly height: number
  readonly pixels: Uint8Array
}

/** A region of the plane. `distance` is negative inside, positive outside, in pixels; the box encloses the inside. */
export interface Shape {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
  readonly distance: (x: number, y: number) => number
}

/** What fills a shape: one colour, or a vertical gradient over the shape's box when `to` is given. */
export interface Paint {
  readonly color: Rgb
  readonly to?: Rgb
  /** Opacity, 0 to 1; 1 when absent. */
  readonly alpha?: number
  /** Width in pixels of the edge's fall-off; 1 (plain anti-aliasing) when absent, large for soft shadows. */
  readonly softness?: number
}

export const clamp = (value: number, low: number, high: number): number =>
  Math.min(Math.max(value, low), high)

export const mix = (from: number, to: number, share: number): number => from + (to - from) * share

/** A colour `share` (0 to 1) of the way from one to another. */
export const blend = (from: Rgb, to: Rgb, share: number): Rgb => [
  mix(from[0], to[0], share),
  mix(from[1], to[1], share),
  mix(from[2], to[2], share),
]

/** Where a point given in a body's own coordinates lies, when the body's origin is at `origin`, turned by `angle`. */
export const placed = (origin: Point, angle: number, [x, y]: Point): Point => {
  const cos = Math.cos(angle)
  const sin = Math.sin(angle)
  return [origin[0] + x * cos - y * sin, origin[1] + x * sin + y * cos]
}

/** A thick line from `a` to `b` with round ends, of radius `ra` at `a` and `rb` at `b`. */
export const capsule = (a: Point, b: Point, ra: number, rb = ra): Shape => {
  const [ax, ay] = a
  const dx = b[0] - ax
  const dy = b[1] - ay
  const lengthSquared = Math.max(dx * dx + dy * dy, 1e-9)
  const reach = Math.max(ra, rb)
  return {
    left: Math.min(ax, b[0]) - reach,
    top: Math.min(ay, b[1]) - reach,
    right: Math.max(ax, b[0]) + reach,
    bottom: Math.max(ay, b[1]) + reach,
    distance: (x, y) => {
      const share = clamp(((x - ax) * dx + (y - ay) * dy) / lengthSquared, 0, 1)
      const ex = x - ax - dx * share
      const ey = y - ay - dy * share
      return Math.sqrt(ex * ex + ey * ey) - mix(ra, rb, share)
    },
  }
}

export const disc = (center: Point, radius: number): Shape => capsule(center, center, radius)

/** An ellipse turned by `angle`. The distance is a first-order approximation, exact on the edge. */
export const ellipse = (center: Point, rx: number, ry: number, angle = 0): Shape => {
  const cos = Math.cos(angle)
  const sin = Math.sin(angle)
  const reach = Math.max(rx, ry)
  return {
    left: center[0] - reach,
    top: center[1] - reach,
    right: center[0] + reach,
    bottom: center[1] + reach,
    distance: (x, y) => {
      const dx = x - center[0]
      const dy = y - center[1]
      const u = (dx * cos + dy * sin) / rx
      const v = (dy * cos - dx * sin) / ry
      const norm = Math.sqrt(u * u + v * v)
      const slope = Math.sqrt((u / rx) ** 2 + (v / ry) ** 2)
      return norm < 1e-6 ? -Math.min(rx, ry) : (norm * (norm - 1)) / slope
    },
  }
}

/** Simple polygon, convex or not, grown by `radius` with round corners. Exact distance. */
export const polygon = (points: ReadonlyArray<Point>, radius = 0): Shape => {
  const edges = points.map((from, i) => {
    const to = points[(i + 1) % points.length] ?? from
    const dx = to[0] - from[0]
    const dy = to[1] - from[1]
    return { x: from[0], y: from[1], dx, dy, lengthSquared: Math.max(dx * dx + dy * dy, 1e-9) }
  })
  const xs = points.map(([x]) => x)
  const ys = points.map(([, y]) => y)
  return {
    left: Math.min(...xs) - radius,
    top: Math.min(...ys) - radius,
    right: Math.max(...xs) + radius,
    bottom: Math.max(...ys) + radius,
    distance: (x, y) => {
      let nearest = Number.POSITIVE_INFINITY
      let inside = false
      for (const edge of edges) {
        const wx = x - edge.x
        const wy = y - edge.y
        const share = clamp((wx * edge.dx + wy * edge.dy) / edge.lengthSquared, 0, 1)
        const ex = wx - edge.dx * share
        const ey = wy - edge.dy * share
        nearest = Math.min(nearest, ex * ex + ey * ey)
        const startsAbove = edge.y <= y
        const endsAbove = edge.y + edge.dy <= y
        // Even-odd rule: does the ray to the right cross this edge?
        if (startsAbove !== endsAbove && wx < (wy / edge.dy) * edge.dx) inside = !inside
      }
      return (inside ? -1 : 1) * Math.sqrt(nearest) - radius
    },
  }
}

/**
 * A rectangle with corners rounded by `radius`. With `place` its sides are in a body's own coordinates, and `place`
 * says where a point of that body lies.
 */
export const rectangle = (
  left: number,
  top: number,
  right: number,
  bottom: number,
  radius = 0,
  place: (x: number, y: number) => Point = (x, y) => [x, y],
): Shape =>
  polygon(
    [
      place(left + radius, top + radius),
      place(right - radius, top + radius),
      place(right - radius, bottom - radius),
      place(left + radius, bottom - radius),
    ],
    radius,
  )

/** The part of a shape at or below the horizontal line at `y`. */
export const below = (shape: Shape, y: number): Shape => ({
  ...shape,
  top: Math.max(shape.top, y),
  distance: (px, py) => Math.max(shape.distance(px, py), y - py),
})

/** A band of `width` pixels along a shape's edge, half of it inside. */
export const outline = (shape: Shape, width: number): Shape => ({
  left: shape.left - width / 2,
  top: shape.top - width / 2,
  right: shape.right + width / 2,
  bottom: shape.bottom + width / 2,
  distance: (x, y) => Math.abs(shape.distance(x, y)) - width / 2,
})

/** Area in square pixels of the part of a polygon that lies at or below the horizontal line at `y`. */
export const areaBelow = (points: ReadonlyArray<Point>, y: number): number => {
  let twiceArea = 0
  points.forEach((from, i) => {
    const to = points[(i + 1) % points.length] ?? from
    const fromDepth = from[1] - y
    const toDepth = to[1] - y
    const dx = to[0] - from[0]
    // The signed area between each edge and the line, counting only what is below the line.
    if (fromDepth >= 0 && toDepth >= 0) twiceArea += dx * (fromDepth + toDepth)
    else if (fromDepth > 0) twiceArea += ((dx * fromDepth) / (fromDepth - toDepth)) * fromDepth
    else if (toDepth > 0) twiceArea += ((dx * toDepth) / (toDepth - fromDepth)) * toDepth
  })
  return Math.abs(twiceArea) / 2
}

/** Height (y) of the level surface of a liquid that fills `area` square pixels of a polygonal vessel. */
export const surfaceHeight = (vessel: ReadonlyArray<Point>, area: number): number => {
  let high = Math.min(...vessel.map(([, y]) => y))
  let low = Math.max(...vessel.map(([, y]) => y))
  for (let i = 0; i < 24; i++) {
    const middle = (high + low) / 2
    if (areaBelow(vessel, middle) > area) high = middle
    else low = middle
  }
  return low
}

/** Blends a shape over the picture; what lies outside the picture is left out. */
export const fill = (canvas: Canvas, shape: Shape, paint: Paint): void => {
  const { color, to = color, alpha = 1, softness = 1 } = paint
  const { pixels, width } = canvas
  const left = Math.max(0, Math.floor(shape.left - softness / 2))
  const right = Math.min(width, Math.ceil(shape.right + softness / 2))
  const top = Math.max(0, Math.floor(shape.top - softness / 2))
  const bottom = Math.min(canvas.height, Math.ceil(shape.bottom + softness / 2))
  const span = Math.max(shape.bottom - shape.top, 1e-9)
  for (let y = top; y < bottom; y++) {
    const share = clamp((y + 0.5 - shape.top) / span, 0, 1)
    const [red, green, blue] = blend(color, to, share)
    for (let x = left; x < right; x++) {
      const ramp = clamp(0.5 - shape.distance(x + 0.5, y + 0.5) / softness, 0, 1)
      if (ramp === 0) continue
      // A straight ramp is right for a one-pixel edge; a wide one looks softer with smooth ends.
      const cover = alpha * (softness > 1 ? ramp * ramp * (3 - 2 * ramp) : ramp)
      const at = (y * width + x) * 4
      pixels[at] = Math.round(mix(pixels[at] ?? 0, red, cover))
      pixels[at + 1] = Math.round(mix(pixels[at + 1] ?? 0, green, cover))
      pixels[at + 2] = Math.round(mix(pixels[at + 2] ?? 0, blue, cover))
    }
  }
}
