import AviaryKernels
import AviaryPlatform

/// A random rectangle covered with the mean, the preprocessing's or the image's own, which becomes zero when it is
/// normalised (Zhong et al., "Random Erasing Data Augmentation", 2020; torchvision's `RandomErasing`).
public struct RandomErasing: Codable, Sendable, Equatable {
  /// The probability that an image is changed.
  public var probability: Double
  /// The share of the picture's area that is covered.
  public var scale: ClosedRange<Double>
  /// The height of the rectangle over its width.
  public var ratio: ClosedRange<Double>

  /// Erasing with this probability and these sizes.
  public init(
    probability: Double = 0.5, scale: ClosedRange<Double> = 0.02...0.33, ratio: ClosedRange<Double> = 0.3...3.3
  ) {
    self.probability = probability
    self.scale = scale
    self.ratio = ratio
  }

  func validate() throws(PreprocessingFault) {
    guard (0...1).contains(probability) else {
      throw .value("erasing probability", probability, allowed: "0 to 1")
    }
    guard scale.lowerBound >= 0, scale.upperBound <= 1 else { throw .range("erasing scale", scale, allowed: "0 to 1") }
    guard ratio.lowerBound >= 0.001, ratio.upperBound <= 1000 else {
      throw .range("erasing ratio", ratio, allowed: "0.001 to 1000")
    }
  }

  /// What is covered: nothing where the dice say so, or where ten tries found no rectangle smaller than the picture.
  func box(width: Int, height: Int, using random: inout RandomStream) -> CropBox? {
    guard random.uniform(in: 0...1) < probability else { return nil }
    for _ in 0..<10 {
      let area = Double(width * height) * random.uniform(in: scale)
      let aspect = exp(random.uniform(in: log(ratio.lowerBound)...log(ratio.upperBound)))
      let h = Int((area * aspect).squareRoot().rounded(.toNearestOrEven))
      let w = Int((area / aspect).squareRoot().rounded(.toNearestOrEven))
      if h < height, w < width {
        let y = random.integer(below: height - h + 1)
        let x = random.integer(below: width - w + 1)
        return CropBox(x: x, y: y, width: w, height: h)
      }
    }
    return nil
  }
}

extension DecodedImage {
  /// The picture with a rectangle of it covered by a colour, R, G and B.
  func covered(_ box: CropBox, with color: [UInt8]) -> DecodedImage {
    var changed = pixels
    for y in box.y..<box.y + box.height {
      for x in box.x..<box.x + box.width {
        for channel in 0..<3 { changed[3 * (y * width + x) + channel] = color[channel] }
      }
    }
    return DecodedImage(width: width, height: height, pixels: changed)
  }

  /// The picture with a number added to every value, which stays between the least and the greatest value that the
  /// picture has: Keras's `apply_channel_shift`.
  public func withChannelsShifted(by intensity: Double) -> DecodedImage {
    let (least, greatest) = (Double(pixels.min() ?? 0), Double(pixels.max() ?? 0))
    return mapped((0...255).map { UInt8((min(max(Double($0) + intensity, least), greatest) + 0.5).rounded(.down)) })
  }

  /// The picture with a normal random number added to every value; 1 of `deviation` is all the way from black to white.
  func withNoise(deviation: Double, using random: inout RandomStream) -> DecodedImage {
    let changed = pixels.map { value in
      UInt8(min(max((Double(value) + 255 * deviation * random.normal()).rounded(), 0), 255))
    }
    return DecodedImage(width: width, height: height, pixels: changed)
  }
}
