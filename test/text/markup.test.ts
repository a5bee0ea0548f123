import { expect, test } from "bun:test"
import { markupText, xmlText } from "../../src/text/markup.ts"

test("text stays text in a markup language, and what XML has no place for is left out of it", () => {
  expect(markupText('a < b && "c" > &lt;')).toBe('a &lt; b &amp;&amp; "c" &gt; &amp;lt;')
  expect(xmlText('<a b="c">&')).toBe("&lt;a b=&quot;c&quot;&gt;&amp;")
  expect(xmlText("one\u0000\u001b\ud800\ttwo\r\n\u007f\u{1f44b}")).toBe("one\ttwo\r\n\u007f\u{1f44b}")
})
