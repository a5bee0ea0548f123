import { describe, expect, test } from "bun:test"
import { textProblems } from "../../src/plan/text-rules.ts"

const codes = (text: string, language?: string) => textProblems("$", text, language).map(({ code }) => code)

describe("the rules for texts, in Chinese", () => {
  test.each(["未知", "无", " 不详。", "没有", "……"])("%p is placeholder text", (text) => {
    expect(codes(text, "zh")).toEqual(["placeholder_text"])
    expect(codes(text)).toEqual([])
  })

  test.each([
    "见第12帧",
    "如第 3 张图片所示",
    "第三张图中罐盖已取下",
    "最后一张图片里杯子是满的",
    "最后一帧",
    "图片3中右手松开",
    "画面 7",
    "在frame 12中",
    "第十二个画面",
  ])("%p refers to a picture", (text) => {
    expect(codes(text, "zh-Hans")).toEqual(["frame_reference"])
  })

  test.each(["3.2秒时右手松开", "五秒之后", "几秒钟", "持续200毫秒", "2分30秒", "在00:03时", "十几秒"])(
    "%p refers to a time",
    (text) => {
      expect(codes(text, "zh-Hant-TW")).toEqual(["time_reference"])
    },
  )

  test.each([
    "把第一张纸放在第二张纸上",
    "右手握住贴着图案的罐子",
    "没有水的杯子立在桌上",
    "第三个图案朝上",
    "无盖的玻璃罐",
    "三分之一的液体留在杯中",
    "把最后一块积木放在图书旁边",
  ])("%p is no such thing", (text) => {
    expect(codes(text, "zh")).toEqual([])
  })

  test("hold in no other language", () => {
    expect(codes("见第12帧", "ja")).toEqual([])
    expect(codes("see frame 12", "ja")).toEqual(["frame_reference"])
  })
})
