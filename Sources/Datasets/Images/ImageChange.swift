import AviaryPlatform

/// The kinds of changes that RandAugment and TrivialAugment draw from, in torchvision's order.
public enum ImageChange: String, CaseIterable, Sendable {
  /// None.
  case identity
  /// Rows are shifted in proportion to their distance from the top.
  case shearX
  /// Columns are shifted in proportion to their distance from the left.
  case shearY
  /// A shift to the side.
  case translateX
  /// A shift up or down.
  case translateY
  /// A rotation around the middle.
  case rotate
  /// A mixture with black, or away from it.
  case brightness
  /// A mixture with the grey picture, or away from it.
  case color
  /// A mixture with the mean grey, or away from it.
  case contrast
  /// A mixture with the smoothed picture, or away from it.
  case sharpness
  /// Fewer bits for each colour.
  case posterize
  /// Values above a threshold become their opposites.
  case solarize
  /// Each channel is stretched to the whole range.
  case autoContrast
  /// Each channel gets an even histogram.
  case equalize

  /// Whose strengths.
  public enum Space: Sendable {
    /// Those of `RandAugment`.
    case randAugment
    /// Those of `TrivialAugment`, which are wider.
    case trivialAugment
  }

  /// Whether a change of the strength may as well be of minus the strength.
  public var isSigned: Bool {
    switch self {
    case .identity, .posterize, .solarize, .autoContrast, .equalize: false
    case .shearX, .shearY, .translateX, .translateY, .rotate, .brightness, .color, .contrast, .sharpness: true
    }
  }

  /// The strength of a level, as torchvision's `_augmentation_space` has it: a slope of shears, pixels of shifts, degrees
  /// of rotations, what is added to a factor of 1 of colours, bits of posterising, and the threshold of solarising.
  public func strength(level: Int, of levels: Int, _ space: Space, width: Int, height: Int) -> Double {
    let isWide = space == .trivialAugment
    func line(_ start: Float, _ end: Float) -> Double { Double(Self.level(level, of: levels, from: start, to: end)) }
    switch self {
    case .identity, .autoContrast, .equalize: return 0
    case .shearX, .shearY: return line(0, isWide ? 0.99 : 0.3)
    case .translateX: return line(0, isWide ? 32 : Float(150.0 / 331.0 * Double(width)))
    case .translateY: return line(0, isWide ? 32 : Float(150.0 / 331.0 * Double(height)))
    case .rotate: return line(0, isWide ? 135 : 30)
    case .brightness, .color, .contrast, .sharpness: return line(0, isWide ? 0.99 : 0.9)
    case .posterize:
      let step = Float(Double(levels - 1) / (isWide ? 6 : 4))
      return 8 - Double((Float(level) / step).rounded(.toNearestOrEven))
    case .solarize: return line(255, 0)
    }
  }

  /// An element of PyTorch's `linspace`, which counts from both ends in Float32.
  private static func level(_ level: Int, of levels: Int, from start: Float, to end: Float) -> Float {
    let step = (end - start) / Float(levels - 1)
    return level < levels / 2 ? start + step * Float(level) : end - step * Float(levels - 1 - level)
  }
}

// What torchvision's functions make of Pillow's pictures, to the last bit.
extension DecodedImage {
  /// - Parameter strength: see `ImageChange.strength(level:of:_:width:height:)`; negative for the other direction.
  public func changed(_ kind: ImageChange, by strength: Double) -> DecodedImage {
    switch kind {
    case .identity: self
    case .shearX: transformed(by: .shear(x: strength), nearest: [0, 0, 0])
    case .shearY: transformed(by: .shear(y: strength), nearest: [0, 0, 0])
    case .translateX: transformed(by: .shift(x: Int(strength), width: width, height: height), nearest: [0, 0, 0])
    case .translateY: transformed(by: .shift(y: Int(strength), width: width, height: height), nearest: [0, 0, 0])
    case .rotate: rotated(by: strength)
    case .brightness: withBrightness(1 + strength)
    case .color: withSaturation(1 + strength)
    case .contrast: withContrast(1 + strength)
    case .sharpness: withSharpness(1 + strength)
    case .posterize: posterized(bits: Int(strength))
    case .solarize: solarized(threshold: strength)
    case .autoContrast: withAutomaticContrast()
    case .equalize: equalized()
    }
  }
}

extension AffineMap {
  /// torchvision's `affine` with a slope of shear about the top left corner.
  fileprivate static func shear(x: Double = 0, y: Double = 0) -> AffineMap {
    // Through degrees and back, as the slope goes there.
    func angle(_ slope: Double) -> Double { (atan(slope) * (180 / .pi)) * (.pi / 180) }
    let (sx, sy) = (angle(x), angle(y))
    return inverse(sx: sx, sy: sy, center: (0, 0), shift: (0, 0))
  }

  /// torchvision's `affine` with a shift alone.
  fileprivate static func shift(x: Int = 0, y: Int = 0, width: Int, height: Int) -> AffineMap {
    inverse(sx: 0, sy: 0, center: (Double(width) * 0.5, Double(height) * 0.5), shift: (Double(x), Double(y)))
  }

  private static func inverse(
    sx: Double, sy: Double, center: (x: Double, y: Double), shift: (x: Double, y: Double)
  ) -> AffineMap {
    let a = cos(-sy) / cos(sy)
    let b = -cos(-sy) * tan(sx) / cos(sy) - sin(0.0)
    let c = sin(-sy) / cos(sy)
    let d = -sin(-sy) * tan(sx) / cos(sy) + cos(0.0)
    var map = AffineMap(a: d, b: -b, c: 0, d: -c, e: a, f: 0)
    map.c += map.a * (-center.x - shift.x) + map.b * (-center.y - shift.y)
    map.f += map.d * (-center.x - shift.x) + map.e * (-center.y - shift.y)
    map.c += center.x
    map.f += center.y
    return map
  }
}
