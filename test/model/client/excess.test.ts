import { expect, test } from "bun:test"
import { excessOf } from "../../../src/model/client/excess.ts"
import { smallRequest } from "../../support/model-call.ts"

const picture = { path: "/a.jpg", bytes: 1, sha256: "0".repeat(64), width: 8, height: 8 }
const withPictures = (count: number) => ({
  ...smallRequest,
  images: Array.from({ length: count }, () => picture),
})

test("a request with as much as the model takes is sent", () => {
  expect(excessOf(withPictures(20), 5_000_000, { max_images: 20, max_body_bytes: 5_000_000 })).toBeUndefined()
  expect(excessOf(withPictures(1000), 1e9, {})).toBeUndefined()
})

test.each([
  [
    withPictures(21),
    100,
    "nothing was sent: the model takes at most 20 images in a request, and this one has 21; choose --max-frames 20 or fewer",
  ],
  [
    withPictures(2),
    20_160_000,
    "nothing was sent: the model takes requests of at most 5.0 MB, and this one has 20.2 MB; choose fewer --max-frames",
  ],
])("one with more is not sent, and what to choose instead is said (%#)", (request, bytes, message) => {
  expect(excessOf(request, bytes, { max_images: 20, max_body_bytes: 5_000_000 })).toMatchObject({
    reason: "Rejected",
    rejection: "too_large",
    message,
  })
})
