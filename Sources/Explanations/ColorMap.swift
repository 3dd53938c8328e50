/// Colours for numbers, which the colour-blind tell apart and which keep their order in grey.
public enum ColorMap: Sendable {
  /// For 0...1, from dark blue over green to yellow: matplotlib's viridis.
  case viridis
  /// For −1...1, from blue over nearly white to red: ColorBrewer's RdBu, turned round.
  case blueRed

  /// Red, green and blue, from 0 to 1.
  public typealias Color = SIMD3<Float>

  /// Red, green and blue, 0...255, of a number; those beyond the ends have the colours of the ends.
  public func color(_ value: Float) -> Color {
    let share = self == .viridis ? value : (value + 1) / 2
    let place = min(max(share.isNaN ? 0 : share, 0), 1) * Float(anchors.count - 1)
    let low = min(Int(place), anchors.count - 2)
    return anchors[low] + (anchors[low + 1] - anchors[low]) * (place - Float(low))
  }

  private var anchors: [Color] {
    switch self {
    case .viridis: Self.viridisAnchors
    case .blueRed: Self.blueRedAnchors
    }
  }

  private static let viridisAnchors = colors([
    0x440154, 0x472d7b, 0x3b528b, 0x2c728e, 0x21918c, 0x28ae80, 0x5ec962, 0xaddc30, 0xfde725,
  ])
  private static let blueRedAnchors = colors([
    0x053061, 0x2166ac, 0x4393c3, 0x92c5de, 0xd1e5f0, 0xf7f7f7, 0xfddbc7, 0xf4a582, 0xd6604d, 0xb2182b, 0x67001f,
  ])

  private static func colors(_ codes: [Int]) -> [Color] {
    codes.map { Color(Float($0 >> 16), Float($0 >> 8 & 255), Float($0 & 255)) }
  }
}
