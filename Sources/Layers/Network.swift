import AviaryTensors

/// What a network is built from: a value that goes into checkpoints.
public protocol NetworkConfiguration: LayerConfiguration, Equatable {
  /// How many outputs the head has: classes to tell apart, characters of a vocabulary, or numbers to estimate.
  var classes: Int { get set }
  /// Checks every value, and that the network takes an input of this shape: [C, H, W] of images, [F] of rows and of the
  /// nodes of graphs, the size of the vocabulary for text; nil where it is not known yet. What comes from a file or a command passes
  /// through here before a layer is built.
  func validate(input: [Int]?) throws(ConfigurationFault)
  /// Takes over from the shape of the data what the network depends on, such as the number of channels.
  mutating func fit(input: [Int])
}

extension NetworkConfiguration {
  public mutating func fit(input: [Int]) {}
}

/// A network of the zoo: a backbone, and a head that can be replaced. What it is called with is its own affair.
public protocol Network: Layer {
  associatedtype Configuration: NetworkConfiguration

  /// What the network was built from.
  var configuration: Configuration { get }
  /// The path below which the head lies, `fc` for instance.
  var headPath: String { get }

  /// Builds the network from a validated configuration. Its cells are declared, not filled.
  init(_ configuration: Configuration)

  /// The same network with a new head, initialised from the seed; the backbone's cells are shared, not copied.
  func replacingHead(classes: Int, seed: UInt64) -> Self
}

extension Network {
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
}

/// A way in which a configuration describes no network.
public enum ConfigurationFault: Error, Equatable, CustomStringConvertible {
  /// A value is out of its range.
  case outOfRange(name: String, value: String, allowed: String)
  /// The input is too small for the network.
  case inputTooSmall(architecture: String, input: [Int], least: Int)
  /// The input is not of the shape that the network takes.
  case wrongInput(architecture: String, input: [Int], expected: String)
  /// The input has other channels than the network.
  case wrongChannels(architecture: String, found: Int, expected: Int)
  /// A layer of a network that is written out layer by layer cannot be what its configuration says.
  case layer(name: String, reason: String)

  public var description: String {
    switch self {
    case .outOfRange(let name, let value, let allowed): "\(name) is \(value); it has to be \(allowed)"
    case .inputTooSmall(let architecture, let input, let least):
      "\(architecture) needs images of at least \(least)×\(least) pixels, not \(input.map(String.init).joined(separator: "×"))"
    case .wrongInput(let architecture, let input, let expected):
      "\(architecture) takes \(expected), not an input of shape \(input)"
    case .wrongChannels(let architecture, let found, let expected):
      "\(architecture) takes \(expected) channels, not \(found)"
    case .layer(let name, let reason): "layer '\(name)': \(reason)"
    }
  }
}
