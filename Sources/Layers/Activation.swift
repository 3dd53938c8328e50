import AviaryTensors

/// A function of single elements, with PyTorch's names and defaults: an element of a `Sequential`, or the activation that
/// a configuration names.
///
/// In JSON it is its name, `"leaky_relu"`, or with parameters that are not the defaults `{"leaky_relu": {"slope": 0.2}}`.
public enum Activation: Hashable, Sendable, CaseIterable, UnaryLayer {
  /// The input as it is, or what of it is positive.
  case identity, relu
  /// x where it is positive, else slope · x (Maas et al., 2013).
  case leakyRelu(slope: Float = 0.01)
  /// x where it is positive, else α · (eˣ − 1) (Clevert et al., 2016).
  case elu(alpha: Float = 1)
  /// Smooth functions, each by its usual name; `hardSwish` is made of lines.
  case gelu, silu, hardSwish, sigmoid, tanh
  /// min(max(x, 0), 6)
  case relu6
  /// Functions by their usual names.
  case selu, softplus, softsign
  /// eˣ
  case exponential
  /// The gelu that is computed with a tanh.
  case tanhGelu
  /// slope · x + 1/2, clamped to 0...1. The slope is 1/6 in PyTorch and Keras 3, 1/5 in Keras 1 and 2.
  case hardSigmoid(slope: Float = 1 / 6)
  /// x · tanh(softplus(x)) (Misra, 2019), and log(sigmoid(x)).
  case mish, logSigmoid
  /// min(max(x, −1), 1), and x − tanh(x).
  case hardTanh, tanhShrink
  /// x − threshold above the threshold, x + threshold below its negative, and 0 between.
  case softShrink(threshold: Float = 0.5)
  /// x above the threshold and below its negative, and 0 between.
  case hardShrink(threshold: Float = 0.5)
  /// (x + √(x² + b)) / 2, a smooth relu without eˣ (Barron, 2021).
  case squareplus(b: Float = 4)
  /// (x + 1)² / 4 from −1 to 1, 0 below, x above: Keras's `sparse_plus`; and its derivative, (x + 1) / 2 limited to 0...1.
  case sparsePlus, sparseSigmoid
  /// x from the threshold on, slope · (x − threshold) below it, and no more than the maximum: Keras's `ReLU`.
  case thresholdedRelu(threshold: Float = 0, slope: Float = 0, maximum: Float = .infinity)

  public var children: [Child] { [] }

  public func forward(_ x: Tensor) -> Tensor {
    switch self {
    case .identity: x
    case .relu: AviaryTensors.relu(x)
    case .leakyRelu(let slope): AviaryTensors.leakyRelu(x, slope: slope)
    case .elu(let alpha): AviaryTensors.elu(x, alpha: alpha)
    case .gelu: AviaryTensors.gelu(x)
    case .silu: AviaryTensors.silu(x)
    case .hardSwish: AviaryTensors.hardSwish(x)
    case .sigmoid: AviaryTensors.sigmoid(x)
    case .tanh: AviaryTensors.tanh(x)
    case .relu6: AviaryTensors.relu6(x)
    case .selu: AviaryTensors.selu(x)
    case .softplus: AviaryTensors.softplus(x)
    case .softsign: AviaryTensors.softsign(x)
    case .exponential: exp(x)
    case .tanhGelu: AviaryTensors.gelu(x, approximation: .tanh)
    case .hardSigmoid(let slope): AviaryTensors.hardSigmoid(x, slope: slope)
    case .thresholdedRelu(let threshold, let slope, let maximum):
      Self.thresholdedRelu(x, threshold: threshold, slope: slope, maximum: maximum)
    case .mish: x * AviaryTensors.tanh(AviaryTensors.softplus(x))
    case .logSigmoid: -AviaryTensors.softplus(-x)
    case .hardTanh: AviaryTensors.hardTanh(x)
    case .tanhShrink: x - AviaryTensors.tanh(x)
    // Clamping has a slope at the limits themselves, so that this has none there, as in PyTorch.
    case .softShrink(let threshold): x - x.clamped(to: -max(0, threshold)...max(0, threshold))
    case .hardShrink(let threshold): x.replacing(with: 0, where: abs(x) .<= threshold)
    case .squareplus(let b): (x + sqrt(x.squared() + b)) * 0.5
    case .sparsePlus: AviaryTensors.hardTanh((x + 1) * 0.5, from: 0, to: 1).squared() + AviaryTensors.relu(x - 1)
    case .sparseSigmoid: AviaryTensors.hardSigmoid(x, slope: 0.5)
    }
  }

  private static func thresholdedRelu(_ x: Tensor, threshold: Float, slope: Float, maximum: Float) -> Tensor {
    let y: Tensor
    if threshold == 0 {
      y = slope == 0 ? AviaryTensors.relu(x) : AviaryTensors.leakyRelu(x, slope: slope)
    } else if slope == 0 {
      y = x.replacing(with: 0, where: x .<= threshold)
    } else {
      // Each side is chosen, not multiplied by 0, of which an infinity makes NaN; at the threshold the function jumps.
      y = AviaryTensors.leakyRelu(x - threshold, slope: slope).replacing(with: x, where: x .> threshold)
    }
    return maximum == .infinity ? y : minimum(y, Tensor(maximum))
  }

  // MARK: Names

  /// Every function, with its default parameters.
  public static let allCases: [Activation] = [
    .identity, .relu, .leakyRelu(), .elu(), .gelu, .silu, .hardSwish, .sigmoid, .tanh, .relu6, .selu, .softplus,
    .softsign, .exponential, .tanhGelu, .hardSigmoid(), .thresholdedRelu(), .mish, .logSigmoid, .hardTanh, .tanhShrink,
    .softShrink(), .hardShrink(), .squareplus(), .sparsePlus, .sparseSigmoid,
  ]

  /// The function with a name; nil where there is none.
  ///
  /// - Parameter parameters: those that are not the defaults.
  public init?(named name: String, _ parameters: [String: Float] = [:]) {
    guard let known = Self.allCases.first(where: { $0.name == name }),
      parameters.keys.allSatisfy({ known.parameters[$0] != nil })
    else { return nil }
    self = known
    let all = known.parameters.merging(parameters) { $1 }
    func value(_ name: String) -> Float { all[name] ?? 0 }
    switch known {
    case .leakyRelu: self = .leakyRelu(slope: value("slope"))
    case .elu: self = .elu(alpha: value("alpha"))
    case .hardSigmoid: self = .hardSigmoid(slope: value("slope"))
    case .softShrink: self = .softShrink(threshold: max(0, value("threshold")))
    case .hardShrink: self = .hardShrink(threshold: value("threshold"))
    case .squareplus: self = .squareplus(b: value("b"))
    case .thresholdedRelu:
      self = .thresholdedRelu(threshold: value("threshold"), slope: value("slope"), maximum: value("maximum"))
    default: break
    }
  }

  /// The name in configurations.
  public var name: String {
    switch self {
    case .identity: "identity"
    case .relu: "relu"
    case .leakyRelu: "leaky_relu"
    case .elu: "elu"
    case .gelu: "gelu"
    case .silu: "silu"
    case .hardSwish: "hardswish"
    case .sigmoid: "sigmoid"
    case .tanh: "tanh"
    case .relu6: "relu6"
    case .selu: "selu"
    case .softplus: "softplus"
    case .softsign: "softsign"
    case .exponential: "exponential"
    case .tanhGelu: "tanh_gelu"
    case .hardSigmoid: "hardsigmoid"
    case .thresholdedRelu: "thresholded_relu"
    case .mish: "mish"
    case .logSigmoid: "log_sigmoid"
    case .hardTanh: "hardtanh"
    case .tanhShrink: "tanhshrink"
    case .softShrink: "softshrink"
    case .hardShrink: "hardshrink"
    case .squareplus: "squareplus"
    case .sparsePlus: "sparse_plus"
    case .sparseSigmoid: "sparse_sigmoid"
    }
  }

  private var parameters: [String: Float] {
    switch self {
    case .leakyRelu(let slope), .hardSigmoid(let slope): ["slope": slope]
    case .elu(let alpha): ["alpha": alpha]
    case .softShrink(let threshold), .hardShrink(let threshold): ["threshold": threshold]
    case .squareplus(let b): ["b": b]
    case .thresholdedRelu(let threshold, let slope, let maximum):
      ["threshold": threshold, "slope": slope, "maximum": maximum]
    default: [:]
    }
  }
}

extension Activation: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let found: Activation?
    if let name = try? container.decode(String.self) {
      found = Activation(named: name)
    } else {
      let members = try container.decode([String: [String: Float]].self)
      found = members.count == 1 ? members.first.flatMap { Activation(named: $0.key, $0.value) } : nil
    }
    guard let found else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not the name of an activation")
    }
    self = found
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    let defaults = Activation(named: name)?.parameters ?? [:]
    let own = parameters.filter { defaults[$0.key] != $0.value }
    if own.isEmpty { try container.encode(name) } else { try container.encode([name: own]) }
  }
}

extension Activation: CustomStringConvertible {
  public var description: String { name }
}
