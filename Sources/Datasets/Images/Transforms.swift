import AviaryDiagnostics
import AviaryKernels
import AviaryTensors

extension Preprocessing {
  /// The picture resized and cropped for evaluation, still of 8 bits.
  public func sized(_ image: DecodedImage) -> DecodedImage {
    let (width, height) = resizedSize(width: image.width, height: image.height)
    guard let crop else { return image.resized(width: width, height: height, by: interpolation) }
    let box = Self.centerCrop(crop, width: width, height: height)
    // Where the crop lies within the resized picture, nothing outside it is computed.
    return box.lies(inWidth: width, height: height)
      ? image.resized(width: width, height: height, keeping: box, by: interpolation)
      : image.resized(width: width, height: height, by: interpolation).cropped(to: box)
  }

  /// The size before the crop. The longer side is rounded down, as torchvision's `Resize` does, and bounded.
  private func resizedSize(width: Int, height: Int) -> (width: Int, height: Int) {
    switch resize {
    case .none: return (width, height)
    case .exact(let size): return (size.width, size.height)
    case .shorterSide(let side):
      let (short, long) = (min(width, height), max(width, height))
      var longer = max(Int(Double(side * long) / Double(short)), 1)
      // Without a crop, a line of pixels must not become a wall of them.
      if crop == nil { longer = min(longer, max(side, Self.longestSide)) }
      return width <= height ? (side, longer) : (longer, side)
    }
  }

  /// The longest side of a picture that is not cropped.
  static let longestSide = 16_384

  /// The picture cut, resized and changed at random for training, of 8 bits and the size that evaluation has.
  ///
  /// - Parameter size: `outputSize`, or the size wanted where there is none.
  public func augmented(
    _ image: DecodedImage, by augmentation: Augmentation, to size: ImageSize, using random: inout RandomStream
  ) -> DecodedImage {
    let box = augmentation.randomBox(width: image.width, height: image.height, using: &random)
    let cut = image.resized(width: size.width, height: size.height, from: box, by: interpolation)
    return augmentation.changed(cut, using: &random, covering: coverColor)
  }

  /// The same of a picture that need not be decoded as a whole.
  func augmented(
    _ source: PictureSource, by augmentation: Augmentation, to size: ImageSize, using random: inout RandomStream
  ) throws(ImageDecodingFault) -> DecodedImage {
    let box = augmentation.randomBox(width: source.width, height: source.height, using: &random)
    let cut = try source.resized(width: size.width, height: size.height, from: box, by: interpolation)
    return augmentation.changed(cut, using: &random, covering: coverColor)
  }

  /// R, G and B of the colour that normalisation brings nearest to zero where it covers a part of a picture: that of all
  /// pictures, or, where each is normalised by itself, the mean of what stays of it, which is that of the whole then.
  func coverColor(_ image: DecodedImage, _ box: CropBox) -> [UInt8] {
    guard samplewise != nil else { return meanColor }
    let level = UInt8(Normalizer(self).mean(of: image, outside: box).rounded())
    return [level, level, level]
  }

  /// R, G and B of the colour that normalisation by a mean brings nearest to zero.
  var meanColor: [UInt8] {
    let values = mean.map { UInt8(min(max(($0 / scale).rounded(), 0), 255)) }
    switch channels {
    case .rgb: return values
    case .bgr: return values.reversed()
    case .grey: return [values[0], values[0], values[0]]
    }
  }

  /// Where torchvision's `CenterCrop` cuts: differences halve with ties to even; a margin rounds down on the left and
  /// top and up on the other sides.
  static func centerCrop(_ size: ImageSize, width: Int, height: Int) -> CropBox {
    func offset(_ length: Int, _ wanted: Int) -> Int {
      wanted > length
        ? -((wanted - length) / 2) : Int((Double(length - wanted) / 2).rounded(.toNearestOrEven))
    }
    return CropBox(
      x: offset(width, size.width), y: offset(height, size.height), width: size.width, height: size.height)
  }

  /// Normalises pictures of one size: [N, channels, H, W].
  ///
  /// - Precondition: the preprocessing is valid; there is a picture, and all have the same size.
  public func tensor(of images: [DecodedImage]) -> Tensor {
    ensure(!images.isEmpty, "Preprocessing: a batch has at least one image")
    let (width, height) = (images[0].width, images[0].height)
    ensure(
      images.allSatisfy { $0.width == width && $0.height == height },
      "Preprocessing: the images of a batch have one size, give the preprocessing a crop or an exact size")
    let normalizer = Normalizer(self)
    return normalizer.tensor(of: images.map { normalizer.levels(of: $0) }, height: height, width: width)
  }

  /// A picture that has its size already, normalised, [channels, H, W], without a wait for other computations.
  package func planes(of sized: DecodedImage) -> Buffer {
    let normalizer = Normalizer(self)
    return normalizer.planes(of: [normalizer.levels(of: sized)], shape: [channels.count, sized.height, sized.width])
  }

  /// One photograph as a network takes it at evaluation: [1, channels, H, W].
  public func callAsFunction(_ image: DecodedImage) -> Tensor { tensor(of: [sized(image)]) }
}

/// The normalisation of a preprocessing as a table: what each of the 256 values of each channel becomes. The table is
/// computed in Float32 in torchvision's order, so results are the same everywhere.
struct Normalizer {
  private let preprocessing: Preprocessing
  private let tables: [Float]

  init(_ preprocessing: Preprocessing) {
    self.preprocessing = preprocessing
    tables = Self.tables(preprocessing, subtracting: 0, dividingBy: 1)
  }

  /// - Parameters: of one image, where images are normalised by themselves.
  private static func tables(
    _ preprocessing: Preprocessing, subtracting own: Float, dividingBy ownDeviation: Float
  ) -> [Float] {
    var tables: [Float] = []
    for channel in 0..<preprocessing.channels.count {
      let mean = Float(preprocessing.mean[channel])
      let deviation = Float(preprocessing.standardDeviation[channel])
      for value in 0..<256 {
        var number = Float(Double(value) * preprocessing.scale)
        if preprocessing.samplewise != nil { number = (number - own) / ownDeviation }
        tables.append((number - mean) / deviation)
      }
    }
    return tables
  }

  /// What a network sees of an image, before it is normalised, and the tables that normalise it.
  struct Levels: Sendable {
    /// Of 8 bits, channels interleaved.
    fileprivate let values: [UInt8]
    fileprivate let tables: [Float]
  }

  func levels(of image: DecodedImage) -> Levels {
    let values = values(of: image)
    return Levels(values: values, tables: tables(for: values))
  }

  /// The mean of what the network sees of an image outside of a box, which is not all of it.
  func mean(of image: DecodedImage, outside box: CropBox) -> Double {
    let values = values(of: image)
    let channels = preprocessing.channels.count
    func sum(x: Range<Int>, y: Range<Int>) -> Int {
      y.reduce(0) { total, y in
        let row = channels * (y * image.width + x.lowerBound)
        return values[row..<row + channels * x.count].reduce(total) { $0 + Int($1) }
      }
    }
    let rest =
      sum(x: 0..<image.width, y: 0..<image.height)
      - sum(x: box.x..<box.x + box.width, y: box.y..<box.y + box.height)
    return Double(rest) / Double(values.count - channels * box.width * box.height)
  }

  /// Of 8 bits, channels interleaved.
  private func values(of image: DecodedImage) -> [UInt8] {
    let pixels = image.pixels
    guard preprocessing.channels == .grey else { return pixels }
    // The luma of ITU-R 601 in the fixed point of Pillow's convert("L").
    return stride(from: 0, to: pixels.count, by: 3).map { i -> UInt8 in
      let luma = Int(pixels[i]) * 19_595 + Int(pixels[i + 1]) * 38_470 + Int(pixels[i + 2]) * 7_471 + 0x8000
      return UInt8(luma >> 16)
    }
  }

  /// Images of one size: [N, channels, H, W].
  func tensor(of images: [Levels], height: Int, width: Int) -> Tensor {
    let shape = [images.count, preprocessing.channels.count, height, width]
    return Tensor(planes(of: images, shape: shape), shape: shape)
  }

  /// The planes of images of one size, one after the other.
  func planes(of images: [Levels], shape: [Int]) -> Buffer {
    let source: [Int32] =
      switch preprocessing.channels {
      case .rgb: [0, 1, 2]
      case .bgr: [2, 1, 0]
      case .grey: [0]
      }
    return Buffer(planesOf: images.map { ($0.values, $0.tables) }, source: source, shape: shape)
  }

  /// - Parameter values: all that the network sees of an image, of 8 bits.
  private func tables(for values: [UInt8]) -> [Float] {
    guard let way = preprocessing.samplewise else { return tables }
    var counts = [Int](repeating: 0, count: 256)
    for value in values { counts[Int(value)] += 1 }
    let total = Double(values.count)
    let mean = counts.enumerated().reduce(0.0) { $0 + Double($1.offset) * Double($1.element) } / total
    let variance =
      counts.enumerated().reduce(0.0) { sum, entry in
        let distance = Double(entry.offset) - mean
        return sum + distance * distance * Double(entry.element)
      } / total
    let deviation = variance.squareRoot() * abs(preprocessing.scale) + 1e-6
    return Self.tables(
      preprocessing, subtracting: Float(mean * preprocessing.scale), dividingBy: way == .center ? 1 : Float(deviation))
  }
}
