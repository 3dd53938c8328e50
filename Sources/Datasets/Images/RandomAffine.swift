import AviaryKernels

/// A random rotation, shear, zoom and shift, in one resampling (torchvision's `RandomAffine`).
public struct RandomAffine: Codable, Sendable, Equatable {
  /// The largest rotation either way, in degrees.
  public var rotation: Double
  /// The largest shift either way, as a share of the width and of the height.
  public var shift: Double
  /// The largest shift to either side, as a share of the width; nil for `shift`.
  public var widthShift: Double?
  /// The largest shift up or down, as a share of the height; nil for `shift`.
  public var heightShift: Double?
  /// The largest angle of shear along the rows either way, in degrees.
  public var shear: Double
  /// By how much lengths are multiplied: 0.9...1.1.
  public var zoom: ClosedRange<Double>
  /// What stands outside of the picture; nil for a colour.
  public var fillMode: FillMode?
  /// R, G and B of what comes from outside of the picture, where that is a colour.
  public var fill: [UInt8]

  /// The largest changes, each 0 for none.
  public init(
    rotation: Double = 0, shift: Double = 0, shear: Double = 0, zoom: ClosedRange<Double> = 1...1,
    fill: [UInt8] = [0, 0, 0], widthShift: Double? = nil, heightShift: Double? = nil, fillMode: FillMode? = nil
  ) {
    self.rotation = rotation
    self.shift = shift
    self.shear = shear
    self.zoom = zoom
    self.fill = fill
    self.widthShift = widthShift
    self.heightShift = heightShift
    self.fillMode = fillMode
  }

  func validate() throws(PreprocessingFault) {
    guard (0...180).contains(rotation) else { throw .value("rotation", rotation, allowed: "0 to 180 degrees") }
    for (name, share) in [("shift", shift), ("width shift", widthShift ?? 0), ("height shift", heightShift ?? 0)] {
      guard (0...1).contains(share) else { throw .value(name, share, allowed: "0 to 1") }
    }
    guard (0...80).contains(shear) else { throw .value("shear", shear, allowed: "0 to 80 degrees") }
    guard zoom.lowerBound >= 0.01, zoom.upperBound <= 100 else { throw .range("zoom", zoom, allowed: "0.01 to 100") }
    guard fill.count == 3 else { throw .fill(fill) }
  }

  func map(width: Int, height: Int, using random: inout RandomStream) -> AffineMap {
    let angle = random.uniform(in: -rotation...rotation)
    let (across, along) = (widthShift ?? shift, heightShift ?? shift)
    let right = random.uniform(in: -across...across) * Double(width)
    let down = random.uniform(in: -along...along) * Double(height)
    let slant = random.uniform(in: -shear...shear)
    return AffineMap(
      rotation: angle, shear: slant, zoom: random.uniform(in: zoom), shift: (right, down), width: width,
      height: height)
  }
}

extension RandomAffine {
  func applied(to image: DecodedImage, using random: inout RandomStream) -> DecodedImage {
    let map = map(width: image.width, height: image.height, using: &random)
    guard let fillMode, fillMode != .constant else { return image.transformed(by: map, fill: fill) }
    return image.transformed(by: map, extending: fillMode)
  }
}

extension RandomStream {
  /// A number of a range, with 24 random bits.
  mutating func uniform(in range: ClosedRange<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * Double(uniform())
  }
}
