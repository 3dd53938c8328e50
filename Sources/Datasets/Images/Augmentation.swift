import AviaryDiagnostics
import AviaryKernels
import AviaryPlatform

/// Random changes to the photographs of a training set: a random part at random proportions, resized to the network's
/// input (torchvision's `RandomResizedCrop`), and mirrored or not (`RandomHorizontalFlip`). Everything else is done only
/// where it is asked for, in the order of the properties.
public struct Augmentation: Codable, Sendable, Equatable {
  /// The share of the photograph's area that is cut out.
  public var scale: ClosedRange<Double>
  /// The width of the part over its height.
  public var ratio: ClosedRange<Double>
  /// The probability of a horizontal flip.
  public var flipProbability: Double
  /// The probability that top and bottom change places.
  public var verticalFlipProbability: Double
  /// Changes drawn from torchvision's list, some one after the other, all of one strength.
  public var randAugment: RandAugment?
  /// One change drawn from torchvision's list, of a random strength.
  public var trivialAugment: TrivialAugment?
  /// Rotation, shift, shear and zoom.
  public var affine: RandomAffine?
  /// Brightness, contrast, saturation and hue.
  public var jitter: ColorJitter?
  /// The most that is added to or taken from all values of a picture, which are 0 to 255 (Keras's `channel_shift_range`).
  public var channelShift: Double?
  /// The deviation of normal noise added to every value, as a share of the way from black to white: 0.1 is much.
  public var noise: Double?
  /// A covered rectangle.
  public var erasing: RandomErasing?

  /// Changes; the defaults are torchvision's random resized crop and horizontal flip.
  public init(
    scale: ClosedRange<Double> = 0.08...1, ratio: ClosedRange<Double> = 0.75...4 / 3,
    flipProbability: Double = 0.5, verticalFlipProbability: Double = 0, affine: RandomAffine? = nil,
    jitter: ColorJitter? = nil, noise: Double? = nil, erasing: RandomErasing? = nil, channelShift: Double? = nil,
    randAugment: RandAugment? = nil, trivialAugment: TrivialAugment? = nil
  ) {
    self.scale = scale
    self.ratio = ratio
    self.flipProbability = flipProbability
    self.verticalFlipProbability = verticalFlipProbability
    self.affine = affine
    self.jitter = jitter
    self.noise = noise
    self.erasing = erasing
    self.channelShift = channelShift
    self.randAugment = randAugment
    self.trivialAugment = trivialAugment
  }

  /// torchvision's defaults.
  public static let standard = Augmentation()

  /// This augmentation, unless a file or a person asked for the impossible.
  public func validated() throws(PreprocessingFault) -> Augmentation {
    guard scale.lowerBound > 0, scale.upperBound <= 1 else {
      throw .range("scale", scale, allowed: "above 0 and at most 1")
    }
    guard ratio.lowerBound >= 0.001, ratio.upperBound <= 1000 else {
      throw .range("ratio", ratio, allowed: "0.001 to 1000")
    }
    for probability in [flipProbability, verticalFlipProbability] {
      guard (0...1).contains(probability) else { throw .value("flip probability", probability, allowed: "0 to 1") }
    }
    if let noise, !(0...10).contains(noise) { throw .value("noise", noise, allowed: "0 to 10") }
    if let channelShift, !(0...255).contains(channelShift) {
      throw .value("channel shift", channelShift, allowed: "0 to 255")
    }
    try randAugment?.validate()
    try trivialAugment?.validate()
    try affine?.validate()
    try jitter?.validate()
    try erasing?.validate()
    return self
  }

  /// All but the cut: for a picture that has the size of the network's input.
  ///
  /// - Parameter covering: R, G and B of what random erasing leaves.
  public func changed(
    _ image: DecodedImage, covering color: [UInt8] = [0, 0, 0], using random: inout RandomStream
  ) -> DecodedImage {
    ensure(color.count == 3, "Augmentation: a colour has three values, not \(color.count)")
    return changed(image, using: &random) { _, _ in color }
  }

  /// - Parameter color: R, G and B of what random erasing leaves in a picture and a place.
  func changed(
    _ image: DecodedImage, using random: inout RandomStream, covering color: (DecodedImage, CropBox) -> [UInt8]
  ) -> DecodedImage {
    var changed = image
    if Double(random.uniform()) < flipProbability { changed = changed.flippedHorizontally() }
    // Nothing is drawn for what is off, so that turning one change on leaves the others what they were.
    if verticalFlipProbability > 0, Double(random.uniform()) < verticalFlipProbability {
      changed = changed.flippedVertically()
    }
    if let randAugment { changed = randAugment.applied(to: changed, using: &random) }
    if let trivialAugment { changed = trivialAugment.applied(to: changed, using: &random) }
    if let affine { changed = affine.applied(to: changed, using: &random) }
    if let jitter { changed = jitter.applied(to: changed, using: &random) }
    if let channelShift {
      changed = changed.withChannelsShifted(by: random.uniform(in: -channelShift...channelShift))
    }
    if let noise { changed = changed.withNoise(deviation: noise, using: &random) }
    if let box = erasing?.box(width: changed.width, height: changed.height, using: &random) {
      changed = changed.covered(box, with: color(changed, box))
    }
    return changed
  }

  /// The part to cut: ten tries at random area and proportion; then the largest centred part whose proportion is allowed.
  package func randomBox(width: Int, height: Int, using random: inout RandomStream) -> CropBox {
    let area = Double(width * height)
    for _ in 0..<10 {
      let target = area * random.uniform(in: scale)
      let aspect = exp(random.uniform(in: log(ratio.lowerBound)...log(ratio.upperBound)))
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
