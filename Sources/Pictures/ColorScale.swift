/// Colours for the numbers of a range. What is not a number is grey.
public struct ColorScale: Sendable {
  /// From the lowest number to the highest, evenly spread.
  let colors: [Drawing.Color]
  /// The numbers that have the colours of the ends.
  public let range: ClosedRange<Double>

  /// - Parameter colors: at least one.
  init(_ colors: [Drawing.Color], _ range: ClosedRange<Double>) {
    self.colors = colors
    self.range = range
  }

  /// From white to dark blue, for counts and shares.
  public static func sequential(_ range: ClosedRange<Double>) -> ColorScale {
    ColorScale([0xffffff, 0xc6dff0, 0x6baed6, 0x2171b5, 0x08306b].map { .init($0) }, range)
  }

  /// From black to white.
  public static func grey(_ range: ClosedRange<Double>) -> ColorScale { ColorScale([.black, .white], range) }

  /// From dark violet over green to yellow, evenly for the eye and for any colour vision: viridis.
  public static func viridis(_ range: ClosedRange<Double>) -> ColorScale {
    ColorScale(
      [0x440154, 0x482878, 0x3e4a89, 0x31688e, 0x26828e, 0x1f9e89, 0x35b779, 0x6dcd59, 0xb4de2c, 0xfde725].map {
        .init($0)
      }, range)
  }

  /// From blue over white, which is zero, to red.
  ///
  /// - Parameter bound: the largest distance from zero.
  public static func diverging(_ bound: Double) -> ColorScale {
    ColorScale([0x053061, 0x4393c3, 0xf7f7f7, 0xd6604d, 0x67001f].map { .init($0) }, -abs(bound)...abs(bound))
  }

  /// The colour of a number; beyond the range that of its end.
  public func color(of value: Double) -> Drawing.Color {
    guard !value.isNaN else { return Drawing.Color(0xbdbdbd) }
    let clamped = min(max(value, range.lowerBound), range.upperBound)
    // Halves, because the difference of two large numbers may be infinite.
    let span = range.upperBound / 2 - range.lowerBound / 2
    let share = span > 0 ? (clamped / 2 - range.lowerBound / 2) / span : 0
    let place = share * Double(colors.count - 1)
    let index = min(Int(place), colors.count - 1)
    return colors[index].mixed(with: colors[min(index + 1, colors.count - 1)], place - Double(index))
  }
}
