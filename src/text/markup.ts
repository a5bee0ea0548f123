const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }

const entityOf = (sign: string): string => entities[sign] ?? sign

/** Text between the tags of a markup language: nothing in it begins a tag or an entity. */
export const markupText = (text: string): string => text.replaceAll(/[&<>]/gu, entityOf)

/** Control characters but for blanks, and lone surrogates (XML 1.0, 2.2). */
const notInXml = /(?![\t\n\r\u007f-\u009f])\p{Cc}|\p{Cs}/gu

/** Text in XML, between tags or in quotation marks; what XML has no place for is left out. */
export const xmlText = (text: string): string =>
  text.replaceAll(notInXml, "").replaceAll(/[&<>"]/gu, entityOf)
