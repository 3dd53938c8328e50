import Foundation
import Testing

@testable import AviaryPictures

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// What an SVG document contains, as a parser of XML reads it.
final class SVGContent: NSObject, XMLParserDelegate {
  private(set) var elements: [(name: String, attributes: [String: String], text: String)] = []
  private var open: [Int] = []

  /// - Throws: where the text is not well-formed.
  init(_ svg: String) throws {
    super.init()
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = self
    guard parser.parse() else { throw CocoaError(.coderInvalidValue) }
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    open.append(elements.count)
    elements.append((name, attributes, ""))
  }

  func parser(_ parser: XMLParser, foundCharacters text: String) {
    if let last = open.last { elements[last].text += text }
  }

  func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
    open.removeLast()
  }

  func all(_ name: String) -> [(name: String, attributes: [String: String], text: String)] {
    elements.filter { $0.name == name }
  }

  var texts: [String] { all("text").map(\.text) }
}

@Suite struct TextTests {
  static let scripts = [
    "cat", "猫和狗", "قطة وكلب", "חתול", "ผู้หญิง", "कुत्ता", "κουνέλι", "кошка", "🐈‍⬛🐕", "é", "e\u{301}",
  ]

  @Test(arguments: scripts) func everyScriptHasAWidthAndStaysText(_ text: String) throws {
    #expect(Drawing.width(of: text, .init(size: 20)) > 5)
    var drawing = Drawing(width: 200, height: 40, title: text)
    drawing.text(text, at: .init(x: 100, y: 20), horizontal: .center)
    let content = try SVGContent(drawing.svg())
    #expect(content.texts == [text] && content.all("title").map(\.text) == [text])
    #expect(try !drawing.png().isEmpty)
  }

  @Test func namesCannotBecomeMarkup() throws {
    let name = "<script>alert('1')</script> & \"x\" ]]>\u{0}\u{8}\u{1b}\n\u{ffff}"
    var drawing = Drawing(width: 600, height: 40, title: name)
    drawing.text(name, at: .init(x: 0, y: 20))
    let svg = try drawing.svg()
    #expect(!svg.contains("<script"))
    let content = try SVGContent(svg)
    #expect(content.elements.map(\.name) == ["svg", "title", "rect", "text"])
    #expect(content.texts[0].hasPrefix("<script>alert('1')</script> & \"x\" ]]>\u{fffd}\u{fffd}"))
  }

  @Test func longTextsAreShortenedToTheirWidth() {
    let font = Drawing.Font(size: 12)
    for text in [String(repeating: "n01440764 tench, Tinca ", count: 200), String(repeating: "金鱼", count: 300)] {
      for width in [30.0, 100, 333] {
        let shown = TextMeasure.shown(text, font, within: width)
        #expect(shown.hasSuffix("…") && text.hasPrefix(shown.dropLast()))
        #expect(TextMeasure.width(of: shown, font) <= width)
        #expect(TextMeasure.width(of: String(text.prefix(shown.count + 1)) + "…", font) > width * 0.9)
      }
      #expect(TextMeasure.shown(text, font, within: nil).count <= 401)
    }
    #expect(TextMeasure.shown("short", font, within: 100) == "short")
    #expect(TextMeasure.shown("anything", font, within: 0) == "…")
  }

  @Test func textsFromRightToLeftAreAlignedAsTheyLook() throws {
    var drawing = Drawing(width: 300, height: 40, title: "direction")
    for text in ["left", "قطة", "\u{200e}✓ \u{2068}قطة\u{2069} 98 %"] {
      drawing.text(text, at: .init(x: 10, y: 20), horizontal: .left)
    }
    let attributes = try SVGContent(drawing.svg()).all("text").map(\.attributes)
    #expect(attributes[0]["text-anchor"] == nil && attributes[0]["direction"] == nil)
    // The end of a text that runs to the left is its left side.
    #expect(attributes[1]["text-anchor"] == "end" && attributes[1]["direction"] == "rtl")
    #expect(attributes[2]["direction"] == nil)
  }
}
