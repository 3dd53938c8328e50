extension Drawing {
  /// A colour of sRGB and its opacity.
  public struct Color: Hashable, Sendable {
    /// 0 to 255.
    public let red: UInt8
    /// 0 to 255.
    public let green: UInt8
    /// 0 to 255.
    public let blue: UInt8
    /// From 0, invisible, to 1.
    public let opacity: Double

    /// A colour; an opacity of 1 hides what is below.
    public init(red: UInt8, green: UInt8, blue: UInt8, opacity: Double = 1) {
      self.red = red
      self.green = green
      self.blue = blue
      self.opacity = opacity
    }

    /// A colour as it is written on the web: `0x0072B2`.
    public init(_ hex: UInt32, opacity: Double = 1) {
      self.init(
        red: UInt8(hex >> 16 & 0xff), green: UInt8(hex >> 8 & 0xff), blue: UInt8(hex & 0xff), opacity: opacity)
    }

    /// White.
    public static let white = Color(0xffffff)
    /// Black.
    public static let black = Color(0x000000)
    /// Of text, softer than black.
    public static let ink = Color(0x222222)
    /// Of what is read second: axes, captions. Its contrast with white is above 4.5.
    public static let faint = Color(0x666666)
    /// Of grid lines.
    public static let grid = Color(0xe2e2e2)
    /// Of what is right: the green of the palette, dark enough for text on white.
    public static let right = Color(0x00694d)
    /// Of what is wrong: the vermilion of the palette, dark enough for text on white.
    public static let wrong = Color(0xb34700)

    /// Okabe and Ito's palette, which people with any colour vision tell apart, without its yellow, which white swallows.
    public static let palette = [0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0xe69f00, 0x56b4e9, 0x000000].map { Color($0) }

    /// The colour of the series, group or class with this number; the palette starts again after its end.
    public static func series(_ index: Int) -> Color { palette[index % palette.count] }

    /// The same colour, as opaque as this from 0 to 1.
    public func withOpacity(_ opacity: Double) -> Color {
      Color(red: red, green: green, blue: blue, opacity: opacity)
    }

    /// Between this colour at 0 and another at 1.
    public func mixed(with other: Color, _ share: Double) -> Color {
      let share = min(max(share, 0), 1)
      func mix(_ a: UInt8, _ b: UInt8) -> UInt8 {
        let (a, b) = (Double(a), Double(b))
        return UInt8((a + (b - a) * share).rounded())
      }
      return Color(
        red: mix(red, other.red), green: mix(green, other.green), blue: mix(blue, other.blue), opacity: opacity)
    }

    /// Whether white text reads better on the colour than dark text.
    public var isDark: Bool {
      func linear(_ value: UInt8) -> Double {
        // The square stands for sRGB's exponent of 2.4, near enough to choose between two.
        Double(value) / 255 * Double(value) / 255
      }
      return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue) < 0.22
    }
  }
}
