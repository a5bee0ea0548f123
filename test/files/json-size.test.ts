import { expect, test } from "bun:test"
import { jsonSize } from "../../src/files/json-size.ts"

test.each([
  ["1", 0, 1],
  ["{}", 1, 2],
  ["[]", 1, 2],
  ['{"a": 1, "b": 2}', 1, 3],
  ["[1, [2, [3]], [4]]", 3, 8],
  ['[{"a": [1]}, {"b": {}}]', 3, 7],
  ['["[[[{{{,,,"]', 1, 2],
  ['["\\"[,[", 1]', 1, 3],
  ['["\\\\", [1]]', 2, 4],
  ["][", 0, 2],
])("%s is %d deep and holds at most %d values", (text, depth, values) => {
  expect(jsonSize(text)).toEqual({ depth, values })
})
