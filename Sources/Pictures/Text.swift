extension Drawing {
  /// The system's sans-serif font in a size and weight.
  public struct Font: Sendable, Hashable {
    /// In pixels.
    public var size: Double
    /// Whether letters are bold.
    public var isBold: Bool

    /// A font of a size in points.
    public init(size: Double = 13, isBold: Bool = false) {
      self.size = size
      self.isBold = isBold
    }
  }

  /// Where the text lies beside its place.
  public enum HorizontalAlignment: Sendable {
    /// Which part of the text is at its place.
    case left, center, right
  }

  /// Which height of the text is at its point.
  public enum VerticalAlignment: Sendable {
    /// Which part of the text is at its place.
    case top, middle, baseline, bottom
  }

  struct Text: Sendable, Equatable {
    let text: String
    var point: Point
    let font: Font
    let color: Color
    let horizontal: HorizontalAlignment
    let vertical: VerticalAlignment
    let rotation: Double

    /// How far below the point the baseline is: shares of the font's size, so that texts of different scripts, whose
    /// fonts differ, stand on one line.
    var baseline: Double {
      switch vertical {
      case .top: 0.93 * font.size
      case .middle: 0.36 * font.size
      case .baseline: 0
      case .bottom: -0.24 * font.size
      }
    }

    /// Whether the first letter, or mark of direction, is of a script that is written from right to left.
    var isRightToLeft: Bool {
      text.unicodeScalars.first { $0.properties.isAlphabetic || $0.value == 0x200e || $0.value == 0x200f }.map {
        switch $0.value {
        case 0x0590...0x08ff, 0x200f, 0xfb1d...0xfdff, 0xfe70...0xfeff, 0x10800...0x10fff, 0x1e800...0x1efff: true
        default: false
        }
      } ?? false
    }
  }

  /// How wide a text is drawn, in pixels.
  public static func width(of text: String, _ font: Font = .init()) -> Double {
    TextMeasure.width(of: TextMeasure.shown(text, font, within: nil), font)
  }
}

/// The sizes of texts, by Pango where it is installed.
enum TextMeasure {
  /// No picture shows more of a text.
  private static let longest = 400

  /// The text as it is drawn: on one line, without what no drawing can show, and shortened to a width.
  static func shown(_ text: String, _ font: Drawing.Font, within width: Double?) -> String {
    var scalars = String.UnicodeScalarView()
    var isShortened = false
    for scalar in text.unicodeScalars {
      if scalars.count == longest {
        isShortened = true
        break
      }
      scalars.append(isDrawable(scalar) ? scalar : "\u{fffd}")
    }
    let line = String(scalars) + (isShortened ? "…" : "")
    guard let width, Self.width(of: line, font) > width else { return line }
    // Between the longest beginning that fits and the shortest that does not.
    let characters = Array(line)
    var (fits, exceeds) = (0, characters.count)
    while exceeds - fits > 1 {
      let middle = (fits + exceeds) / 2
      if Self.width(of: String(characters[..<middle]) + "…", font) <= width { fits = middle } else { exceeds = middle }
    }
    return String(characters[..<fits]) + "…"
  }

  /// Controls, and what XML does not allow, have no look.
  private static func isDrawable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x00...0x1f, 0x7f...0x9f, 0x2028, 0x2029, 0xfffe, 0xffff: false
    default: true
    }
  }

  static func width(of text: String, _ font: Drawing.Font) -> Double {
    if case .success(let library) = PangoCairo.loaded, let width = library.width(of: text, font) { return width }
    // An SVG drawing needs no library: letters are about half as wide as high, and wide ones square.
    return text.unicodeScalars.reduce(0) { $0 + ($1.value >= 0x1100 ? 1 : 0.56) } * font.size
  }
}
