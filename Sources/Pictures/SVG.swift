extension Drawing {
  /// The drawing as an SVG document, whose texts stay texts.
  ///
  /// - Throws: only where the drawing has pictures, which Cairo encodes.
  public func svg() throws(PictureFault) -> String {
    var writer = SVGWriter()
    let size =
      "width=\"\(number(width))\" height=\"\(number(height))\" viewBox=\"0 0 \(number(width)) \(number(height))\""
    writer.add("<svg xmlns=\"http://www.w3.org/2000/svg\" \(size) role=\"img\" font-family=\"sans-serif\">")
    writer.add("<title>\(escaped(title))</title>")
    if let background {
      writer.add("<rect width=\"\(number(width))\" height=\"\(number(height))\"\(paint(background, nil))/>")
    }
    for mark in marks { try writer.write(mark) }
    writer.add("</svg>")
    return writer.text
  }
}

private struct SVGWriter {
  private(set) var text = ""
  private var clips = 0

  mutating func add(_ line: String) { text += line + "\n" }

  mutating func write(_ mark: Drawing.Mark) throws(PictureFault) {
    switch mark {
    case .path(let points, let isClosed, let fill, let stroke):
      let list = points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
      add("<\(isClosed ? "polygon" : "polyline") points=\"\(list)\"\(paint(fill, stroke))/>")
    case .rectangle(let frame, let fill, let stroke): add("<rect \(place(frame))\(paint(fill, stroke))/>")
    case .circle(let center, let radius, let fill, let stroke):
      add(
        "<circle cx=\"\(number(center.x))\" cy=\"\(number(center.y))\" r=\"\(number(radius))\"\(paint(fill, stroke))/>")
    case .text(let text): add(element(text))
    case .image(let pixels, let frame, let isSmooth):
      let rendering = isSmooth ? "" : " image-rendering=\"pixelated\""
      let data = base64(try PangoCairo.get().png(of: pixels))
      add("<image \(place(frame)) preserveAspectRatio=\"none\"\(rendering) href=\"data:image/png;base64,\(data)\"/>")
    case .group(let marks, let clip):
      clips += 1
      // Documents may be put into one page, where names must differ; the frame is part of the name.
      let parts = [clip.x, clip.y, clip.width, clip.height].map { number($0) }
      let name = "clip\(clips)-" + parts.joined(separator: "-")
      add("<clipPath id=\"\(name)\"><rect \(place(clip))/></clipPath>")
      add("<g clip-path=\"url(#\(name))\">")
      for mark in marks { try write(mark) }
      add("</g>")
    }
  }

  private func element(_ text: Drawing.Text) -> String {
    let isReversed = text.isRightToLeft
    let anchor =
      switch (text.horizontal, isReversed) {
      case (.left, false), (.right, true): ""
      case (.center, _): " text-anchor=\"middle\""
      case (.right, false), (.left, true): " text-anchor=\"end\""
      }
    let (x, y) = (number(text.point.x), number(text.point.y))
    let turn = text.rotation == 0 ? "" : " transform=\"rotate(\(number(text.rotation)) \(x) \(y))\""
    return "<text x=\"\(x)\" y=\"\(number(text.point.y + text.baseline))\""
      + " font-size=\"\(number(text.font.size))\"" + (text.font.isBold ? " font-weight=\"bold\"" : "") + anchor
      + (isReversed ? " direction=\"rtl\"" : "") + paint(text.color, nil) + turn + " xml:space=\"preserve\">"
      + escaped(text.text) + "</text>"
  }
}

private func place(_ frame: Drawing.Frame) -> String {
  "x=\"\(number(frame.x))\" y=\"\(number(frame.y))\" width=\"\(number(frame.width))\" height=\"\(number(frame.height))\""
}

private func paint(_ fill: Drawing.Color?, _ stroke: Drawing.Stroke?) -> String {
  func value(_ name: String, _ color: Drawing.Color) -> String {
    let digits = String(UInt32(color.red) << 16 | UInt32(color.green) << 8 | UInt32(color.blue), radix: 16)
    let opacity = color.opacity < 1 ? " \(name)-opacity=\"\(number(color.opacity))\"" : ""
    return " \(name)=\"#\(String(repeating: "0", count: 6 - digits.count))\(digits)\"\(opacity)"
  }
  var result = fill.map { value("fill", $0) } ?? " fill=\"none\""
  if let stroke {
    result += value("stroke", stroke.color) + " stroke-width=\"\(number(stroke.width))\" stroke-linejoin=\"round\""
    if !stroke.dashes.isEmpty {
      result += " stroke-dasharray=\"\(stroke.dashes.map { number($0) }.joined(separator: " "))\""
    }
  }
  return result
}

/// A length with at most two digits after the point.
private func number(_ value: Double) -> String {
  let hundredths = Int((min(max(value, -1e9), 1e9) * 100).rounded())
  let (whole, rest) = (abs(hundredths) / 100, abs(hundredths) % 100)
  let fraction = rest == 0 ? "" : rest % 10 == 0 ? ".\(rest / 10)" : ".\(rest < 10 ? "0" : "")\(rest)"
  return (hundredths < 0 ? "-" : "") + "\(whole)" + fraction
}

/// The text as the content of an element or attribute.
private func escaped(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    case "'": result += "&#39;"
    case "\t", "\n", "\r": result += " "
    case _ where scalar.value < 0x20 || scalar.value == 0xfffe || scalar.value == 0xffff: result += "\u{fffd}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}

func base64(_ bytes: [UInt8]) -> String {
  let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  var result: [UInt8] = []
  result.reserveCapacity((bytes.count + 2) / 3 * 4)
  for start in stride(from: 0, to: bytes.count, by: 3) {
    let count = min(3, bytes.count - start)
    var group: UInt32 = 0
    for k in 0..<3 { group = group << 8 | (k < count ? UInt32(bytes[start + k]) : 0) }
    for k in 0..<4 { result.append(k <= count ? digits[Int(group >> (18 - 6 * UInt32(k)) & 63)] : UInt8(ascii: "=")) }
  }
  return String(decoding: result, as: UTF8.self)
}
