/// A piece of a page. Text can only come in through cases that escape it, so that no name from a file becomes markup.
indirect enum HTML {
  typealias Attribute = (name: String, value: String)

  case text(String)
  case node(String, [Attribute], [HTML])
  /// Markup that a program of ours has written and escaped: a drawing.
  case drawing(String)

  static func element(_ name: String, _ content: HTML...) -> HTML { .node(name, [], content) }
  static func element(_ name: String, _ attributes: [Attribute], _ content: HTML...) -> HTML {
    .node(name, attributes, content)
  }
  static func element(_ name: String, _ attributes: [Attribute], all content: [HTML]) -> HTML {
    .node(name, attributes, content)
  }

  /// A name from a file or a person, whose direction of writing does not change that of what surrounds it.
  static func name(_ name: String) -> HTML { .node("bdi", [], [.text(name)]) }

  var markup: String {
    switch self {
    case .text(let text): return escapedForMarkup(printable(text))
    case .drawing(let markup): return markup
    case .node(let name, let attributes, let content):
      let opening =
        "<\(name)"
        + attributes.map { " \($0.name)=\"\(escapedForMarkup(printable($0.value)))\"" }.joined()
      if ["meta", "img", "br", "hr"].contains(name) { return opening + ">" }
      return opening + ">" + content.map(\.markup).joined() + "</\(name)>"
    }
  }
}

extension HTML: ExpressibleByStringInterpolation {
  init(stringLiteral value: String) { self = .text(value) }
}

/// The text for an element or an attribute.
func escapedForMarkup(_ text: String) -> String {
  var result = String.UnicodeScalarView()
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": result += "&amp;".unicodeScalars
    case "<": result += "&lt;".unicodeScalars
    case ">": result += "&gt;".unicodeScalars
    case "\"": result += "&quot;".unicodeScalars
    case "'": result += "&#39;".unicodeScalars
    default: result.append(scalar)
    }
  }
  return String(result)
}

extension HTML {
  /// A table with a caption, whose first column names its rows.
  ///
  /// - Parameters:
  ///   - header: the names of the columns.
  ///   - rows: a cell for each column.
  ///   - numbers: the columns that are aligned to the right.
  static func table(_ caption: String, _ header: [String], _ rows: [[HTML]], numbers: Set<Int> = []) -> HTML {
    func attributes(_ column: Int, _ scope: String?) -> [Attribute] {
      var attributes: [Attribute] = []
      if let scope { attributes.append((name: "scope", value: scope)) }
      if numbers.contains(column) { attributes.append((name: "class", value: "number")) }
      return attributes
    }
    let head = header.enumerated().map { HTML.element("th", attributes($0, "col"), .text($1)) }
    let body = rows.map { row in
      let cells = row.enumerated().map { column, cell in
        column == 0 ? HTML.element("th", attributes(0, "row"), cell) : HTML.element("td", attributes(column, nil), cell)
      }
      return HTML.element("tr", [], all: cells)
    }
    // Wide tables scroll by themselves, with the keyboard, too.
    return .element(
      "div", [("class", "wide"), ("role", "region"), ("aria-label", caption), ("tabindex", "0")],
      .element(
        "table", .element("caption", .text(caption)), .element("thead", .element("tr", [], all: head)),
        .element("tbody", [], all: body)))
  }

  /// Facts by name.
  static func facts(_ facts: [(name: String, value: HTML?)]) -> HTML {
    var items: [HTML] = []
    for (name, value) in facts {
      if let value { items += [.element("dt", .text(name)), .element("dd", value)] }
    }
    return .element("dl", [], all: items)
  }

  static func paragraph(_ content: HTML...) -> HTML { .element("p", [], all: content) }
}
