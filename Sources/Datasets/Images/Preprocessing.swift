import AviaryTensors

/// What is done to a photograph before a network sees it, as a checkpoint stores it: the size, the crop, the order of
/// the channels and their normalisation.
///
/// The steps, in this order: resize, centre crop, choose channels, multiply by `scale`, normalise by what the image itself
/// has (`samplewise`), subtract `mean`, divide by `standardDeviation`. They compute what torchvision's transforms of the
/// same names do, bit for bit.
public struct Preprocessing: Codable, Sendable, Equatable {
  /// How an image is resized.
  public enum Resize: Sendable, Equatable {
    /// As it is.
    case none
    /// The shorter side becomes this long, the longer keeps the proportion (torchvision's `Resize(size)`).
    case shorterSide(Int)
    /// Both sides are given; the proportion changes.
    case exact(ImageSize)
  }

  /// How pixels between pixels are found, always antialiased.
  public enum Interpolation: String, Codable, Sendable, CaseIterable {
    /// Pillow's methods of these names.
    case bilinear, bicubic
  }

  /// The channels of the input, in their order.
  public enum Channels: String, Codable, Sendable, CaseIterable {
    /// Red, green, blue; blue, green, red; brightness alone.
    case rgb, bgr, grey
    /// How many there are.
    public var count: Int { self == .grey ? 1 : 3 }
  }

  /// How an image is normalised by itself: Keras's `samplewise_center` and `samplewise_std_normalization`.
  public enum Samplewise: String, Codable, Sendable, CaseIterable {
    /// Its mean becomes 0.
    case center
    /// Then it is divided by its deviation, to which 10⁻⁶ is added. In Keras, too, the second implies the first.
    case standard
  }

  /// How images come to their size.
  public var resize: Resize
  /// The size of the centre crop; where the photograph is smaller it gets a black margin.
  public var crop: ImageSize?
  /// How pixels between pixels are estimated.
  public var interpolation: Interpolation
  /// The channels of the input.
  public var channels: Channels
  /// What pixel values, 0 to 255, are multiplied by: 1/255 or 1, mostly.
  public var scale: Double
  /// What of an image's own statistics, over all of its values, is removed after scaling; nil for nothing.
  public var samplewise: Samplewise?
  /// Subtracted after scaling, one value a channel in the order of `channels`.
  public var mean: [Double]
  /// What the difference is divided by, one value a channel in the order of `channels`.
  public var standardDeviation: [Double]

  /// A preparation by these steps.
  public init(
    resize: Resize, crop: ImageSize? = nil, interpolation: Interpolation = .bilinear, channels: Channels = .rgb,
    scale: Double, mean: [Double], standardDeviation: [Double]
  ) {
    self.interpolation = interpolation
    self.resize = resize
    self.crop = crop
    self.channels = channels
    self.scale = scale
    self.mean = mean
    self.standardDeviation = standardDeviation
  }

  /// The size of every picture that comes out; nil where it depends on what comes in.
  public var outputSize: ImageSize? {
    if let crop { return crop }
    if case .exact(let size) = resize { return size }
    return nil
  }

  /// The same preprocessing for another input size of the network: the shorter side keeps its proportion to the crop.
  public func withSize(_ size: ImageSize) -> Preprocessing {
    var changed = self
    switch (resize, crop) {
    case (.shorterSide(let side), let crop?):
      let proportion = Double(side) / Double(min(crop.height, crop.width))
      changed.resize = .shorterSide(
        max(Int((proportion * Double(min(size.height, size.width))).rounded()), max(size.height, size.width)))
      changed.crop = size
    case (.shorterSide, nil), (.exact, nil), (.none, nil): changed.resize = .exact(size)
    case (.exact, .some), (.none, .some):
      changed.resize = .exact(size)
      changed.crop = nil
    }
    return changed
  }

  /// The same preprocessing, but with values in [0, 1] and nothing else done to them.
  public var inUnitRange: Preprocessing {
    var changed = self
    changed.samplewise = nil
    changed.scale = 1 / 255
    changed.mean = mean.map { _ in 0 }
    changed.standardDeviation = standardDeviation.map { _ in 1 }
    return changed
  }

  /// The same preprocessing, but with images that are normalised by themselves, and not by a mean and a deviation of all.
  public func normalizingEach(_ way: Samplewise) -> Preprocessing {
    var changed = self
    changed.samplewise = way
    changed.mean = mean.map { _ in 0 }
    changed.standardDeviation = standardDeviation.map { _ in 1 }
    return changed
  }

  /// The same for square images of another side, in pixels.
  public func withSize(_ side: Int) -> Preprocessing { withSize(ImageSize(height: side, width: side)) }

  /// This preprocessing, unless a file or a person asked for the impossible.
  public func validated() throws(PreprocessingFault) -> Preprocessing {
    var sizes: [ImageSize] = crop.map { [$0] } ?? []
    switch resize {
    case .none: break
    case .shorterSide(let side): sizes.append(ImageSize(height: side, width: side))
    case .exact(let size): sizes.append(size)
    }
    for size in sizes {
      guard (1...ImageSize.maximumSide).contains(size.height), (1...ImageSize.maximumSide).contains(size.width)
      else { throw .size(size) }
    }
    guard mean.count == channels.count else { throw .count("mean", mean.count, channels) }
    guard standardDeviation.count == channels.count else {
      throw .count("standard deviation", standardDeviation.count, channels)
    }
    guard scale.isFinite, scale != 0 else { throw .value("scale", scale, allowed: "any finite number but 0") }
    for value in mean where !Float(value).isFinite { throw .value("mean", value, allowed: "finite numbers") }
    for value in standardDeviation where !(value > 0 && Float(value).isFinite && Float(value) > 0) {
      throw .value("standard deviation", value, allowed: "positive finite numbers")
    }
    return self
  }
}

/// Height and width of a picture, in pixels.
public struct ImageSize: Codable, Sendable, Hashable, CustomStringConvertible {
  /// In pixels.
  public var height: Int
  /// In pixels.
  public var width: Int
  /// The longest side that a network's input may have.
  public static let maximumSide = 8192

  /// A size in pixels.
  public init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }

  public var description: String { "\(height)x\(width)" }
}

/// Why a preprocessing or an augmentation from a file or a command is refused.
public enum PreprocessingFault: Swift.Error, Sendable, Equatable, CustomStringConvertible {
  /// A side is not positive, or too long.
  case size(ImageSize)
  /// The number of values differs from the number of channels.
  case count(String, Int, Preprocessing.Channels)
  /// A value is out of its range: its name, its value, and the range.
  case value(String, Double, allowed: String)
  /// A range is not part of the allowed one.
  case range(String, ClosedRange<Double>, allowed: String)
  /// A fill colour does not have three values.
  case fill([UInt8])
  /// Images of several sizes cannot be put in one batch.
  case noFixedSize

  public var description: String {
    switch self {
    case .size(let size):
      "preprocessing: size \(size) is out of range; sides are 1 to \(ImageSize.maximumSide) pixels"
    case .count(let name, let count, let channels):
      "preprocessing: \(name) has \(count) values, but \(channels.rawValue) has \(channels.count) channels"
    case .value(let name, let value, let allowed):
      "preprocessing: \(name) \(value) is out of range; use \(allowed)"
    case .range(let name, let range, let allowed):
      "preprocessing: \(name) \(range) is out of range; use \(allowed)"
    case .fill(let color): "preprocessing: the fill \(color) is not a colour; give red, green and blue"
    case .noFixedSize: "preprocessing: the size of the network's input is not known; give it with --input-size HxW"
    }
  }
}

extension Preprocessing.Resize: Codable {
  private enum Key: String, CodingKey { case kind, side, height, width }
  private enum Kind: String, Codable {
    case none
    case shorterSide = "shorter side"
    case exact
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    switch try values.decode(Kind.self, forKey: .kind) {
    case .none: self = .none
    case .shorterSide: self = .shorterSide(try values.decode(Int.self, forKey: .side))
    case .exact:
      self = .exact(
        ImageSize(
          height: try values.decode(Int.self, forKey: .height), width: try values.decode(Int.self, forKey: .width)))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    switch self {
    case .none: try values.encode(Kind.none, forKey: .kind)
    case .shorterSide(let side):
      try values.encode(Kind.shorterSide, forKey: .kind)
      try values.encode(side, forKey: .side)
    case .exact(let size):
      try values.encode(Kind.exact, forKey: .kind)
      try values.encode(size.height, forKey: .height)
      try values.encode(size.width, forKey: .width)
    }
  }
}
