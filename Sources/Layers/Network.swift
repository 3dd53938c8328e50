import AviaryDiagnostics
import AviaryTensors

/// What a network is built from: a value that goes into checkpoints.
public protocol NetworkConfiguration: LayerConfiguration, Equatable {
  /// How many outputs the head has: classes to tell apart, characters of a vocabulary, or numbers to estimate.
  var outputs: Int { get set }
  /// The members that configurations in older files lack: they have the values of the published network there.
  static var addedLater: Set<String> { get }
  /// Checks every value, and that the network takes an input of this shape: [C, H, W] of images, [F] of rows and of the
  /// nodes of graphs, the size of the vocabulary for text; nil where it is not known yet. What comes from a file or a command
  /// passes through here before a layer is built.
  func validate(input: [Int]?) throws(ConfigurationFault)
  /// Takes over from the shape of the data what the network depends on, such as the number of channels.
  mutating func fit(input: [Int])
  /// Takes over what the shapes of a file's tensors say, by the names that the network's own would have: widths, numbers of
  /// layers and of outputs, whether a part is there. What they do not say stays as it is; what would go with several values
  /// stays where it is one of them, and is else chosen and said with `TensorShapes.assume`. The result is validated and
  /// compared with the file, so that nothing need be checked here, but no shape may trap.
  mutating func fit(tensors shapes: inout TensorShapes)
  /// Names that layers have in other people's files of such networks, and the network's own in their place, as beginnings of
  /// paths: `lstm` and `rnn`. Empty where nothing is to be renamed, or where that is a guess.
  ///
  /// - Parameter paths: of a file's tensors, in its order.
  static func ownNames(for paths: [String]) -> [(foreign: String, own: String)]
  /// Names of matrices, or patterns of them, that a file's shapes show to be stored as [inputs, outputs]; empty for none.
  static func transposedMatrices(in shapes: TensorShapes) -> [String]
  /// Patterns of tensors that a network of other programs keeps and this one makes itself, such as masks of attention; empty for
  /// none.
  static func unneededTensors(in shapes: TensorShapes) -> [String]
  /// The members that a training program keeps beside the weights under names of its own, as their names and values here.
  /// What the tensors' shapes say is left to them.
  ///
  /// - Parameter facts: numbers and words of a file by name; those of a dictionary in it behind the dictionary's name, such as
  ///   `model_args.n_head`.
  static func members(told facts: [String: String]) -> [(name: String, value: String)]
  /// Changes what goes with values that a person changed: as many rates of dropout as there are layers, for instance.
  ///
  /// - Parameter names: the names of the changed members, as files have them.
  mutating func complete(changed names: Set<String>)
  /// Changes what a new head needs changed: the number of its outputs, unless the network says more.
  mutating func replaceHead(outputs: Int)
}

extension NetworkConfiguration {
  public static var addedLater: Set<String> { [] }
  public mutating func fit(input: [Int]) {}
  public mutating func fit(tensors shapes: inout TensorShapes) {}
  public static func ownNames(for paths: [String]) -> [(foreign: String, own: String)] { [] }
  public static func transposedMatrices(in shapes: TensorShapes) -> [String] { [] }
  public static func unneededTensors(in shapes: TensorShapes) -> [String] { [] }
  public static func members(told facts: [String: String]) -> [(name: String, value: String)] { [] }
  public mutating func complete(changed names: Set<String>) {}
  public mutating func replaceHead(outputs: Int) { self.outputs = outputs }
}

/// The configuration of a network whose outputs are classes.
public protocol ClassifierConfiguration: NetworkConfiguration {
  /// The number of classes, which is that of the outputs.
  var classes: Int { get set }
}

extension ClassifierConfiguration {
  public var outputs: Int {
    get { classes }
    set { classes = newValue }
  }
}

/// A network: a backbone, and a head that can be replaced. What it is called with is its own affair.
public protocol Network: Layer {
  /// What the network is built from.
  associatedtype Configuration: NetworkConfiguration

  /// What the network was built from.
  var configuration: Configuration { get }
  /// The path below which the head lies, `fc` for instance.
  var headPath: String { get }
  /// The paths of further heads, which are replaced with the main one and only used in training.
  var auxiliaryHeadPaths: [String] { get }

  /// Builds the network from a validated configuration. Its cells are declared, not filled.
  init(_ configuration: Configuration)
}

extension Network {
  public var auxiliaryHeadPaths: [String] { [] }

  /// The same network with a new head of another number of outputs, initialised from the seed; so are auxiliary heads. The
  /// backbone's cells are shared, not copied.
  public func replacingHead(outputs: Int, seed: UInt64) -> Self {
    var configuration = configuration
    configuration.replaceHead(outputs: outputs)
    let model = Self(configuration)
    let cells = Dictionary(inventory.cells.map { ($0.path, $0.cell) }, uniquingKeysWith: { first, _ in first })
    for entry in model.inventory.cells where !model.isInHead(entry.path) {
      if let own = cells[entry.path] {
        entry.cell.share(own)
      } else {
        // A layer without state that only the new head needs, such as a pool before it, may stand outside of it.
        ensure(
          entry.cell is Site || entry.cell is Constant,
          "\(entry.path): the network with another head has state in its backbone that this one has not")
      }
    }
    model.initializeHead(seed: seed)
    return model
  }

  /// Whether a path leads into a head.
  package func isInHead(_ path: String) -> Bool {
    ([headPath] + auxiliaryHeadPaths).contains { path.hasPrefix($0 + ".") }
  }

  /// A network of its own with the same values, and the same frozen set.
  public func copy() -> Self { copy(Self(configuration)) }

  /// Fills the heads anew, from a seed.
  public func initializeHead(seed: UInt64) {
    initialize(seed: seed, where: isInHead)
  }

  /// Freezes everything but the heads, and nothing else.
  public func freezeBackbone() {
    for entry in inventory.cells { entry.cell.core.isFrozen = !isInHead(entry.path) }
  }

  /// Whether everything but the heads is frozen.
  public var isBackboneFrozen: Bool {
    inventory.cells.allSatisfy { $0.cell.isFrozen || isInHead($0.path) }
  }
}

extension Classifier {
  /// The same network with a new head for another number of classes: see `replacingHead(outputs:seed:)`.
  public func replacingHead(classes: Int, seed: UInt64) -> Self { replacingHead(outputs: classes, seed: seed) }
}

/// A way in which a configuration describes no network.
public enum ConfigurationFault: Error, Equatable, CustomStringConvertible {
  /// A value is out of its range.
  case outOfRange(name: String, value: String, allowed: String)
  /// The input is too small for the network.
  case inputTooSmall(architecture: String, input: [Int], least: Int)
  /// The input is not of the shape that the network takes.
  case wrongInput(architecture: String, input: [Int], expected: String)
  /// A batch without elements.
  case emptyInput(shape: [Int])
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
    case .emptyInput(let shape): "an input of shape \(shape) has no elements"
    case .wrongChannels(let architecture, let found, let expected):
      "\(architecture) takes \(expected) channels, not \(found)"
    case .layer(let name, let reason): "layer '\(name)': \(reason)"
    }
  }
}
