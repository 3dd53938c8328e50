import AviaryTensors

/// A way in which a configuration describes no network.
public enum ConfigurationFault: Error, Equatable, CustomStringConvertible {
  /// A value is out of its range.
  case outOfRange(name: String, value: String, allowed: String)
  /// The input is too small for the network.
  case inputTooSmall(architecture: String, input: [Int], least: Int)
  /// The input has other channels than the network.
  case wrongChannels(architecture: String, found: Int, expected: Int)

  public var description: String {
    switch self {
    case .outOfRange(let name, let value, let allowed): "\(name) is \(value); it has to be \(allowed)"
    case .inputTooSmall(let architecture, let input, let least):
      "\(architecture) needs images of at least \(least)×\(least) pixels, not \(input.map(String.init).joined(separator: "×"))"
    case .wrongChannels(let architecture, let found, let expected):
      "\(architecture) takes \(expected) channels, not \(found)"
    }
  }
}

/// What a network is built from: a value that goes into checkpoints.
public protocol ClassifierConfiguration: LayerConfiguration, Equatable {
  /// How many classes the head tells apart.
  var classes: Int { get set }
  /// How many channels the images have.
  var inputChannels: Int { get }
  /// Checks every value, and that the network takes an input of [C, H, W]. What comes from a file or a command passes
  /// through here before a layer is built.
  func validate(input: [Int]) throws(ConfigurationFault)
}

/// A network that sorts images into classes: a backbone that makes features, and a head that makes logits of them.
public protocol Classifier: UnaryLayer {
  associatedtype Configuration: ClassifierConfiguration

  /// What the network was built from.
  var configuration: Configuration { get }
  /// The path below which the head lies, `fc` for instance.
  var headPath: String { get }

  /// Builds the network from a validated configuration. Its cells are declared, not filled.
  init(_ configuration: Configuration)

  /// What the head is given: [N, C, H, W] → [N, F].
  func features(_ x: Tensor) -> Tensor
  /// The logits: [N, F] → [N, classes].
  func head(_ features: Tensor) -> Tensor
  /// The same network with a new head, initialised from the seed; the backbone's cells are shared, not copied.
  func replacingHead(classes: Int, seed: UInt64) -> Self
}

extension Classifier {
  public func forward(_ x: Tensor) -> Tensor { head(features(x)) }

  /// A network of its own with the same values, and the same frozen set.
  public func copy() -> Self {
    let copy = Self(configuration)
    copy.assign(from: self)
    return copy
  }

  /// Fills the head anew, from a seed.
  public func initializeHead(seed: UInt64) {
    let prefix = headPath + "."
    initialize(seed: seed) { $0.hasPrefix(prefix) }
  }

  /// Freezes everything but the head, and nothing else.
  public func freezeBackbone() {
    let prefix = headPath + "."
    for entry in inventory.cells { entry.cell.isFrozen = !entry.path.hasPrefix(prefix) }
  }

  /// Whether everything but the head is frozen.
  public var isBackboneFrozen: Bool {
    let prefix = headPath + "."
    return inventory.cells.allSatisfy { $0.cell.isFrozen || $0.path.hasPrefix(prefix) }
  }

  /// A copy that any number of tasks may use at once; it predicts and cannot be trained.
  public func frozenForInference() -> InferenceModel<Self> { InferenceModel(copy()) }
}

/// A model in use: it can be shared between tasks, whose calls are served one after the other.
public struct InferenceModel<Model: Classifier>: Sendable {
  private let model: Confined<Model>

  init(_ model: Model) { self.model = Confined(model) }

  /// The logits: [N, C, H, W] → [N, classes].
  public func callAsFunction(_ x: Tensor) -> Tensor {
    inference { model.run { $0(x) } }
  }
}
