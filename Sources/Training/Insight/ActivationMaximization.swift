import AviaryDatasets
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// Looks for the picture that excites a channel of a layer most, by gradient ascent from noise (Erhan et al., 2009), with the
/// regularisers that make such pictures readable: jitter, blur, decay and total variation (Yosinski et al., 2015; Olah et al.,
/// 2017).
public struct ActivationMaximization: Sendable {
  /// The number of steps.
  public var steps = 128
  /// The length of a step, as the change of the average pixel, of 1.
  public var stepSize: Float = 0.02
  /// The most pixels by which the picture is moved before each step, so that no pixel has a place of its own.
  public var jitter = 4
  /// The deviation in pixels of the Gaussian that smooths the picture every fourth step; 0 for none.
  public var blur: Float = 0.5
  /// The share by which the picture is drawn to grey in each step.
  public var decay: Float = 0.005
  /// The weight of the total variation, which is taken off the activation.
  public var totalVariation: Float = 0.05
  /// The seed of everything random.
  public var seed: UInt64 = 0

  /// The defaults.
  public init() {}

  /// The picture, and how strongly the channel answers to it.
  public struct Result: Sendable {
    /// The picture.
    public let image: DecodedImage
    /// The mean activation of the channel over its positions for the picture.
    public let activation: Float
    /// The same for the noise at the beginning.
    public let start: Float
  }

  /// - Parameters:
  ///   - channel: of the output at `layer`: [N, C, H, W] or [N, C].
  ///   - preprocessing: how pictures become the network's input; its output size is the picture's.
  ///   - size: of the picture.
  /// - Precondition: the model has the layer and calls it, and the output has the channel.
  public func callAsFunction(
    _ model: some Classifier, layer: String, channel: Int, preprocessing: Preprocessing, size: ImageSize
  ) -> Result {
    let channels = preprocessing.channels.count
    let shape = [1, channels, size.height, size.width]
    var random = RandomStream(seed: seed, purpose: "activation maximization", path: layer, step: UInt64(channel))
    var pixels = Tensor(uniform: 0.4, 0.6, stream: random, shape: shape)
    // What the network sees of pixels from 0 to 1.
    let mean = Tensor(preprocessing.mean.map { Float($0) }, shape: [1, channels, 1, 1])
    let deviation = Tensor(preprocessing.standardDeviation.map { Float($0) }, shape: [1, channels, 1, 1])
    let scale = Float(255 * preprocessing.scale)
    func prepared(_ pixels: Tensor) -> Tensor {
      var values = pixels * scale
      if let way = preprocessing.samplewise {
        values = values - values.mean()
        if way == .standard { values = values / (sqrt(values.squared().mean()) + 1e-6) }
      }
      return (values - mean) / deviation
    }
    func activation(of input: Tensor) -> Tensor {
      let (_, outputs) = observing([layer], of: model) { model(input) }
      guard let output = outputs[layer] else { stopProgram("'\(layer)' is not called") }
      ensure(
        (output.rank == 4 || output.rank == 2) && (0..<output.shape[1]).contains(channel),
        "'\(layer)' has an output of shape \(output.shape) and no channel \(channel)")
      return output.slice(axis: 1, from: channel, to: channel + 1).mean()
    }
    func measured() -> Float { inference { activation(of: prepared(pixels)).scalar } }
    let start = measured()
    let smoothing = blur > 0 ? Self.gaussian(blur) : []
    for step in 0..<steps {
      let (down, right) =
        jitter > 0
        ? (random.integer(below: 2 * jitter + 1) - jitter, random.integer(below: 2 * jitter + 1) - jitter) : (0, 0)
      let moved = inference { pixels.rolled(by: down, axis: 2).rolled(by: right, axis: 3) }
      let (_, gradients, known) = valueWithGradients(of: [], mode: .inference) { () -> (Tensor, Tensor) in
        let known = watched(moved)
        let rows = known.slice(axis: 2, from: 1, to: size.height) - known.slice(axis: 2, from: 0, to: size.height - 1)
        let columns = known.slice(axis: 3, from: 1, to: size.width) - known.slice(axis: 3, from: 0, to: size.width - 1)
        let variation = size.height > 1 && size.width > 1 ? rows.squared().mean() + columns.squared().mean() : Tensor(0)
        return (activation(of: prepared(known)) - variation * totalVariation, known)
      }
      guard let gradient = gradients[known] else { break }
      pixels = inference {
        let length = gradient.squared().mean().scalar.squareRoot()
        guard length > 0, length.isFinite else { return pixels }
        var next = moved + gradient * (stepSize / length)
        next = (next - 0.5) * (1 - decay) + 0.5
        if !smoothing.isEmpty, step % 4 == 3 { next = Self.smoothed(next, smoothing) }
        return next.clamped(to: 0...1).rolled(by: -down, axis: 2).rolled(by: -right, axis: 3)
      }
    }
    return Result(
      image: Self.image(pixels, preprocessing.channels, size), activation: measured(), start: start)
  }

  /// Weights that add to one.
  private static func gaussian(_ deviation: Float) -> [Float] {
    let radius = max(Int((3 * deviation).rounded(.up)), 1)
    let weights = (-radius...radius).map { place -> Float in
      let x = Float(place) / deviation
      return exp(Tensor(-x * x / 2)).scalar
    }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }

  /// Each channel by itself, along both axes; the picture goes on beyond its edges as it is there.
  private static func smoothed(_ pixels: Tensor, _ weights: [Float]) -> Tensor {
    let radius = weights.count / 2
    var result = pixels
    for axis in [2, 3] {
      let length = result.shape[axis]
      let indices = (-radius..<length + radius).map { Int32(min(max($0, 0), length - 1)) }
      let extended = result.selected(at: IntTensor(indices), axis: axis)
      var sum = extended.slice(axis: axis, from: 0, to: length) * weights[0]
      for (offset, weight) in weights.enumerated().dropFirst() {
        sum = sum + extended.slice(axis: axis, from: offset, to: offset + length) * weight
      }
      result = sum
    }
    return result
  }

  private static func image(_ pixels: Tensor, _ channels: Preprocessing.Channels, _ size: ImageSize) -> DecodedImage {
    let values = pixels.scalars
    let plane = size.height * size.width
    let order =
      switch channels {
      case .rgb: [0, 1, 2]
      case .bgr: [2, 1, 0]
      case .grey: [0, 0, 0]
      }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(3 * plane)
    for place in 0..<plane {
      for channel in order { bytes.append(UInt8(min(max(values[channel * plane + place], 0), 1) * 255)) }
    }
    return DecodedImage(width: size.width, height: size.height, pixels: bytes)
  }
}
