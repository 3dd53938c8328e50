import AviaryTensors

/// Post-training quantisation: a network in floats is watched while it looks at examples, and then takes on weights of 8-bit
/// integers, for inference.
///
/// ```swift
/// let calibration = Calibration(of: model)
/// for batch in batches { calibration.observe { _ = model(batch) } }
/// try calibration.quantize()
/// ```
///
/// Weights of convolutions and linear layers get a scale for each output channel, of which the largest weight is 127
/// (Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference", 2018, section 3.1.2). Inputs get one
/// scale for a layer: from 0 on where they were never negative, with the range of the least mean square error
/// (Choukroun et al., "Low-bit quantization of neural networks for efficient inference", 2019).
public final class Calibration {
  private let parameters: [Parameter]
  private let record = CalibrationRecord()

  /// What has become of the parameters.
  public struct Outcome: Sendable, Equatable {
    /// The paths of weights that are integers now.
    public internal(set) var quantized: [String] = []
    /// The number of their elements.
    public internal(set) var weights = 0
    /// The paths of matrices and kernels that stay floats: of layers that were not seen at work, such as heads that only
    /// learn, of other layers than convolutions and linear ones, and those with more channels than a file has scales for.
    public internal(set) var kept: [String] = []
    /// The paths of quantized weights whose inputs were zero throughout, so that their range is a guess: 0 to 1.
    public internal(set) var unknown: [String] = []
  }

  /// A calibration of a model's parameters.
  public init(of model: some Layer) { parameters = model.parameters }

  /// Watches what goes into the layers while `body` runs the model; it runs in inference mode and without a tape.
  public func observe<Failure>(_ body: () throws(Failure) -> Void) throws(Failure) {
    try record.observing(body)
  }

  /// Makes integers of the weights whose inputs were seen: all of them or, where one fails, none.
  @discardableResult
  public func quantize() throws(QuantizationFault) -> Outcome {
    var outcome = Outcome()
    var made: [(Parameter, Tensor)] = []
    for parameter in parameters {
      let value = parameter.filled.value
      guard value.quantization == nil else { continue }
      // More scales than an attribute of a file holds are not stored.
      guard let inputs = record.inputs(of: value), parameter.shape[0] <= Self.mostChannels else {
        if parameter.shape.count > 1 { outcome.kept.append(parameter.path) }
        continue
      }
      guard inputs.isFinite else { throw .inputNotFinite(path: parameter.path) }
      let isSigned = inputs.minimum < 0
      let levels = isSigned ? 127 : 255
      let threshold = inputs.threshold(levels: levels)
      if threshold == nil { outcome.unknown.append(parameter.path) }
      let limit = threshold ?? 1
      let weights = try Self.integers(value.scalars, channels: parameter.shape[0], path: parameter.path)
      let quantization = Quantization(
        scales: weights.scales, inputScale: max(limit / Float(levels), .leastNormalMagnitude), inputIsSigned: isSigned)
      made.append((parameter, Tensor(quantized: weights.values.span, shape: parameter.shape, quantization)))
      outcome.quantized.append(parameter.path)
      outcome.weights += value.count
    }
    if made.isEmpty { throw .nothingToQuantize }
    for (parameter, value) in made { parameter.assign(value) }
    return outcome
  }

  /// How many output channels a layer has at most.
  public static let mostChannels = 16_000

  /// Weights as integers from −127 to 127, each channel by its own scale.
  private static func integers(
    _ weights: [Float], channels: Int, path: String
  ) throws(QuantizationFault) -> (values: [Int8], scales: [Float]) {
    let columns = weights.count / channels
    var values: [Int8] = []
    values.reserveCapacity(weights.count)
    var scales: [Float] = []
    for channel in 0..<channels {
      let row = weights[(channel * columns)..<((channel + 1) * columns)]
      let largest = row.reduce(Float(0)) { $1.isFinite ? max($0, abs($1)) : .infinity }
      guard largest.isFinite else { throw .weightNotFinite(path: path) }
      let scale = largest > 0 ? max(largest / 127, .leastNormalMagnitude) : 1
      scales.append(scale)
      for weight in row { values.append(Int8(max(-127, min(127, (weight / scale).rounded(.toNearestOrEven))))) }
    }
    return (values, scales)
  }
}

/// A way in which a network cannot be quantised.
public enum QuantizationFault: Error, Equatable, CustomStringConvertible {
  /// No convolution and no linear layer was seen at work.
  case nothingToQuantize
  /// A layer was given what is no number.
  case inputNotFinite(path: String)
  /// A weight is no number.
  case weightNotFinite(path: String)

  public var description: String {
    switch self {
    case .nothingToQuantize: "has no convolution or linear layer in float32 to quantize"
    case .inputNotFinite(let path): "the input of '\(path)' is infinite or no number, so that no range holds it"
    case .weightNotFinite(let path): "'\(path)' holds a weight that is infinite or no number"
    }
  }
}
