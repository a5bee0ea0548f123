/** Bytes that are put into a file at a place where a demuxer reads them at once. */
const filling = (count: number): Buffer => Buffer.alloc(count, 0x55)

const insert = (bytes: Buffer, at: number, added: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at)])

/**
 * An MP4 with bytes added at the end of a box, the sizes of all boxes around it changed. Its header has to lie after its packets, as
 * libav writes it.
 *
 * @param path types from the outermost box on; the first of each is taken
 */
export const inflateBox = (mp4: Uint8Array, path: ReadonlyArray<string>, added: Uint8Array): Buffer => {
  const bytes = Buffer.from(mp4)
  let end = bytes.length
  let from = 0
  for (const type of path) {
    const at = bytes.indexOf(type, from, "latin1") - 4
    end = at + bytes.readUInt32BE(at)
    bytes.writeUInt32BE(end - at + added.length, at)
    from = at + 8
  }
  return insert(bytes, end, added)
}

/** An MP4 whose first description of samples has a codec header (`avcC`, `hvcC`) longer by so many bytes. */
export const inflateDescription = (mp4: Uint8Array, header: string, count: number): Buffer => {
  const entry = header === "hvcC" ? "hev1" : "avc1"
  const path = ["moov", "trak", "mdia", "minf", "stbl", "stsd", entry, header]
  return inflateBox(mp4, path, filling(count))
}

/** An AVI whose first stream's format is longer by so many bytes. */
export const inflateFormat = (avi: Uint8Array, count: number): Buffer => {
  const bytes = Buffer.from(avi)
  const format = bytes.indexOf("strf", 0, "latin1")
  for (const at of [
    0,
    bytes.indexOf("hdrl", 0, "latin1") - 8,
    bytes.indexOf("strl", 0, "latin1") - 8,
    format,
  ])
    bytes.writeUInt32LE(bytes.readUInt32LE(at + 4) + count, at + 4)
  return insert(bytes, format + 8 + bytes.readUInt32LE(format + 4) - count, filling(count))
}

/** An EBML element with a size of eight bytes. */
export const element = (id: string, content: Uint8Array): Buffer => {
  const size = Buffer.alloc(8)
  size.writeBigUInt64BE(BigInt(content.length))
  size[0] = 1
  return Buffer.concat([Buffer.from(id, "hex"), size, content])
}

/** ID, and where the content of an element begins and ends. */
const readElement = (bytes: Buffer, at: number) => {
  const idLength = Math.clz32(bytes[at] ?? 0) - 23
  const id = bytes.toString("hex", at, at + idLength)
  const length = Math.clz32(bytes[at + idLength] ?? 0) - 23
  const start = at + idLength + length
  let size = (bytes[at + idLength] ?? 0) & (2 ** (8 - length) - 1)
  for (const byte of bytes.subarray(at + idLength + 1, start)) size = size * 256 + byte
  return { id, start, end: start + size }
}

/** The content of an element with its children changed, removed (`undefined`) or left as they are. */
const mapChildren = (
  content: Buffer,
  change: (id: string, child: Buffer) => Uint8Array | undefined,
): Buffer => {
  const parts: Array<Uint8Array> = []
  for (let at = 0; at < content.length; ) {
    const { id, start, end } = readElement(content, at)
    const changed = change(id, content.subarray(start, end))
    if (changed !== undefined) parts.push(element(id, changed))
    at = end
  }
  return Buffer.concat(parts)
}

const EBML = "1a45dfa3"
const SEGMENT = "18538067"
const TRACKS = "1654ae6b"
const TRACK = "ae"
const PRIVATE = "63a2"
/** What says where others are, and would be wrong then. */
const PLACES = new Set(["114d9b74", "1c53bb6b"])

/** A Matroska file with changed segment. */
const mapSegment = (mkv: Uint8Array, change: (segment: Buffer) => Buffer): Buffer => {
  const bytes = Buffer.from(mkv)
  const head = readElement(bytes, 0)
  const segment = readElement(bytes, head.end)
  return Buffer.concat([
    element(EBML, bytes.subarray(head.start, head.end)),
    element(SEGMENT, change(bytes.subarray(segment.start, segment.end))),
  ])
}

/** A Matroska file whose tracks have codec headers longer by so many bytes. */
export const inflatePrivate = (mkv: Uint8Array, count: number): Buffer =>
  mapSegment(mkv, (segment) =>
    mapChildren(segment, (id, child) => {
      if (PLACES.has(id)) return undefined
      if (id !== TRACKS) return child
      return mapChildren(child, (inner, track) =>
        inner !== TRACK
          ? track
          : mapChildren(track, (field, value) =>
              field === PRIVATE ? Buffer.concat([value, filling(count)]) : value,
            ),
      )
    }),
  )

/** A Matroska file with elements added before its first one. */
export const addElements = (
  mkv: Uint8Array,
  added: ReadonlyArray<readonly [id: string, content: Uint8Array]>,
) =>
  mapSegment(mkv, (segment) => {
    const kept = mapChildren(segment, (id, child) => (PLACES.has(id) ? undefined : child))
    return Buffer.concat([...added.map(([id, content]) => element(id, content)), kept])
  })
