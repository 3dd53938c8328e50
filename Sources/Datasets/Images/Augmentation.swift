import AviaryKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Random changes to the photographs of a training set: a random part at random proportions, resized to the network's
/// input (torchvision's `RandomResizedCrop`), and mirrored or not (`RandomHorizontalFlip`).
public struct Augmentation: Codable, Sendable, Equatable {
  /// The share of the photograph's area that is cut out.
  public var scale: ClosedRange<Double>
  /// The width of the part over its height.
  public var ratio: ClosedRange<Double>
  public var flipProbability: Double

  public init(
    scale: ClosedRange<Double> = 0.08...1, ratio: ClosedRange<Double> = 0.75...4 / 3,
    flipProbability: Double = 0.5
  ) {
    self.scale = scale
    self.ratio = ratio
    self.flipProbability = flipProbability
  }

  /// torchvision's defaults.
  public static let standard = Augmentation()

  /// This augmentation, unless a file or a person asked for the impossible.
  public func validated() throws(AugmentationError) -> Augmentation {
    guard scale.lowerBound > 0, scale.upperBound <= 1 else { throw .scale(scale) }
    guard ratio.lowerBound > 0, ratio.upperBound.isFinite else { throw .ratio(ratio) }
    guard (0...1).contains(flipProbability) else { throw .flipProbability(flipProbability) }
    return self
  }

  /// The part to cut: ten tries at random area and proportion; then the largest centred part whose proportion is allowed.
  func randomBox(width: Int, height: Int, using random: inout RandomStream) -> CropBox {
    func uniform(_ lower: Double, _ upper: Double) -> Double { lower + (upper - lower) * Double(random.uniform()) }
    let area = Double(width * height)
    for _ in 0..<10 {
      let target = area * uniform(scale.lowerBound, scale.upperBound)
      let aspect = exp(uniform(log(ratio.lowerBound), log(ratio.upperBound)))
      let w = Int((target * aspect).squareRoot().rounded(.toNearestOrEven))
      let h = Int((target / aspect).squareRoot().rounded(.toNearestOrEven))
      if w > 0, h > 0, w <= width, h <= height {
        let y = random.integer(below: height - h + 1)
        let x = random.integer(below: width - w + 1)
        return CropBox(x: x, y: y, width: w, height: h)
      }
    }
    let proportion = Double(width) / Double(height)
    var (w, h) = (width, height)
    if proportion < ratio.lowerBound {
      h = min(max(Int((Double(width) / ratio.lowerBound).rounded(.toNearestOrEven)), 1), height)
    } else if proportion > ratio.upperBound {
      w = min(max(Int((Double(height) * ratio.upperBound).rounded(.toNearestOrEven)), 1), width)
    }
    return CropBox(x: (width - w) / 2, y: (height - h) / 2, width: w, height: h)
  }
}

/// What is wrong with an augmentation that a file or a command gave.
public enum AugmentationError: Swift.Error, Sendable, Equatable, CustomStringConvertible {
  /// The share of the area is not above 0 and at most 1.
  case scale(ClosedRange<Double>)
  /// The proportions are not positive and finite.
  case ratio(ClosedRange<Double>)
  /// The probability is not between 0 and 1.
  case flipProbability(Double)

  public var description: String {
    switch self {
    case .scale(let range): "augmentation: scale \(range) is not possible; it lies above 0 and is at most 1"
    case .ratio(let range): "augmentation: ratio \(range) is not possible; it lies above 0"
    case .flipProbability(let value): "augmentation: flip probability \(value) is not between 0 and 1"
    }
  }
}
