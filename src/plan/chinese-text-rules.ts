/** The rules that hold for every text, in the words that Chinese has for them. */

/** Texts that only fill a field. */
export const chinesePlaceholders: ReadonlySet<string> = new Set([
  "未知",
  "不详",
  "不明",
  "未指定",
  "不适用",
  "待定",
  "没有",
  "暂无",
  "无",
  "……",
  "——",
])

const number = "[0-9０-９〇零一二三四五六七八九十百两]+"
const picture = "(?:图片|图像|画面|截图|帧)"
const ordinal = `(?:第\\s*${number}|最后一?|最初|最先|开头|结尾|末)`

/** Numbers and ordinals of pictures: `第12帧`, `第三张图片`, `图片3`, `最后一张图`, `在frame 12中`. */
export const chineseFrameReferences: ReadonlyArray<RegExp> = [
  new RegExp(`${ordinal}\\s*(?:个|张|幅)?\\s*(?:${picture}|图(?![案书纸钉表形标]))`, "u"),
  new RegExp(`${picture}\\s*[0-9０-９]+`, "u"),
  /(?:frame|image|img|picture)\s*[0-9０-９]+/iu,
]

/** Times: `3.2秒`, `五秒之后`, `几秒钟`, `200毫秒`, `2分30秒`, `在00:03时`. */
export const chineseTimeReferences: ReadonlyArray<RegExp> = [
  new RegExp(`(?:[0-9０-９]+(?:\\.[0-9]+)?|${number}|几|数)\\s*(?:毫秒|秒)`, "u"),
  /[0-9０-９]{1,2}[:：][0-9０-９]{2}(?![0-9０-９])/u,
]
