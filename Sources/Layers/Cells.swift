import AviaryDiagnostics
import AviaryTensors

/// A place in a model that holds state: a `Parameter`, a `Buffer`, a `Counter`, a `Constant`, an `IndexTable`, a `Setting` or
/// a `Site`.
///
/// What a cell is, and what optimizers, tapes and copies know it by, is its `identity`. Its path in a model is a name
/// that a walk from that model finds; the same cell can have other paths in other models.
public protocol Cell: AnyObject {
  /// What the cell holds; models that share the cell share it.
  var core: CellCore { get }
}

/// What a cell holds, whatever its kind.
public class CellCore {
  /// The path in the model that filled the cell last.
  package var path = ""
  package var isFrozen = false

  fileprivate init() {}
}

extension Cell {
  /// Tells cells apart, wherever they are reached from.
  public var identity: ObjectIdentifier { ObjectIdentifier(core) }

  /// The path in the model that filled the cell last, by `initialize(seed:)` or from a checkpoint; empty before that. It
  /// serves messages and the random numbers of dropout. Walks find the paths in a given model: `namedParameters()`.
  public var path: String { core.path }

  /// Whether the cell lies under a frozen path.
  public var isFrozen: Bool { core.isFrozen }

  /// The path of the layer that the cell is a property of, for messages.
  var layerPath: String {
    path.split(separator: ".").dropLast().joined(separator: ".")
  }
}

extension CellCore {
  /// What stands for the cell in the pass that runs now: a frozen copy's own value, where one is in use.
  @inline(__always)
  fileprivate func bound<Core: CellCore>(as _: Core.Type) -> Core? {
    guard isComputing, let bindings = currentBindings else { return nil }
    return bindings[ObjectIdentifier(self)] as? Core
  }
}

/// What is learned: a tensor that an optimizer changes.
///
/// A layer declares the shape and the initializer; the value comes from `initialize(seed:)` or from a checkpoint.
public final class Parameter: Cell {
  private final class Core: CellCore {
    var variable: Variable?
  }

  /// The shape of its value.
  public let shape: [Int]
  /// How it begins.
  public let initializer: Initializer
  private var own = Core()

  /// A parameter without a value, which a seed or a file fills.
  public init(shape: [Int], initializer: Initializer) {
    self.shape = shape
    self.initializer = initializer
  }

  public var core: CellCore { own }

  /// The value, as the current pass sees it: gradients flow to it where it is differentiated and not frozen.
  public var tensor: Tensor { filled.tracked(at: path, isFrozen: own.isFrozen) }

  /// Whether the parameter has a value.
  public var isFilled: Bool { own.variable != nil }

  /// Sets the value.
  public func assign(_ value: Tensor) {
    ensure(value.shape == shape, "\(path): a value of shape \(value.shape) for a parameter of shape \(shape)")
    if let variable = own.variable {
      variable.value = value.detached()
    } else {
      own.variable = Variable(value.detached())
    }
  }

  /// What tapes and optimizers work with.
  package var filled: Variable {
    guard let variable = (own.bound(as: Core.self) ?? own).variable else {
      stopProgram(
        "\(path): the parameter of shape \(shape) has no value; call initialize(seed:) or load a checkpoint first")
    }
    return variable
  }

  func share(_ other: Parameter) { own = other.own }

  /// A core with the same value, which is the value of a frozen copy.
  func snapshot() -> CellCore {
    let copy = Core()
    copy.path = path
    // A frozen copy takes part in no training.
    copy.isFrozen = true
    copy.variable = own.variable.map { Variable($0.value) }
    return copy
  }
}

/// What is gathered during training and not learned: running statistics.
public final class Buffer: Cell {
  private final class Core: CellCore {
    var value: Tensor?
  }

  /// The shape of its value.
  public let shape: [Int]
  private let start: Start
  private var own = Core()

  private enum Start {
    case value(Float)
    case tensor(Tensor)
  }

  /// A buffer that `initialize(seed:)` fills with one value.
  public init(shape: [Int], startingAt start: Float) {
    self.shape = shape
    self.start = .value(start)
  }

  /// A buffer that `initialize(seed:)` gives these values, which training does not change: a table that checkpoints hold
  /// nevertheless.
  public init(startingAt start: Tensor) {
    shape = start.shape
    self.start = .tensor(start.detached())
  }

  /// Whether training changes the buffer.
  package var isGathered: Bool { if case .value = start { true } else { false } }

  public var core: CellCore { own }

  /// Its value.
  public var tensor: Tensor {
    // What the pass has pending may be about to change the value.
    settle()
    guard let value = (own.bound(as: Core.self) ?? own).value else {
      stopProgram(
        "\(path): the buffer of shape \(shape) has no value; call initialize(seed:) or load a checkpoint first")
    }
    return traced(value, bufferAt: path)
  }

  /// Whether it has a value.
  public var isFilled: Bool { own.value != nil }

  /// Gives it a value of the same shape.
  public func assign(_ value: Tensor) {
    ensure(value.shape == shape, "\(path): a value of shape \(value.shape) for a buffer of shape \(shape)")
    settle()
    own.value = value.detached()
  }

  func reset() {
    switch start {
    case .value(let value): own.value = Tensor(repeating: value, shape: shape)
    case .tensor(let tensor): own.value = tensor
    }
  }

  func share(_ other: Buffer) { own = other.own }

  func snapshot() -> CellCore {
    let copy = Core()
    copy.path = path
    copy.value = own.value
    return copy
  }
}

/// A whole number that is counted in training, such as the batches a normalisation has seen.
public final class Counter: Cell {
  private final class Core: CellCore {
    var count: Int64 = 0
  }

  private var own = Core()

  /// A counter at 0.
  public init() {}

  public var core: CellCore { own }

  /// The count.
  public var value: Int64 {
    get {
      // What the pass has pending may be about to count.
      settle()
      return own.count
    }
    set {
      settle()
      own.count = newValue
    }
  }

  func share(_ other: Counter) { own = other.own }
}

/// A tensor that is part of how a layer computes, and neither learned nor gathered: a mask, a table of positions. The layer
/// makes it from its configuration, so that checkpoints do not hold it (PyTorch's `register_buffer(persistent=False)`).
public final class Constant: Cell {
  private final class Core: CellCore {}

  private var own = Core()
  /// Its value, which does not change.
  public let tensor: Tensor

  /// A constant of this value.
  public init(_ tensor: Tensor) { self.tensor = tensor.detached() }

  public var core: CellCore { own }

  func share(_ other: Constant) { own = other.own }
}

/// Whole numbers that are part of how a layer computes, such as a table of relative positions. The layer makes them from its
/// configuration, and checkpoints hold them nevertheless (PyTorch's `register_buffer`): other numbers than the layer's own are
/// of another network.
public final class IndexTable: Cell {
  private final class Core: CellCore {}

  private var own = Core()
  /// The indices, which do not change.
  public let indices: IntTensor

  /// A table of these indices.
  public init(_ indices: IntTensor) { self.indices = indices }

  public var core: CellCore { own }

  func share(_ other: IndexTable) { own = other.own }
}

/// A number that says how a layer works and is not learned: a normalisation's epsilon or momentum. Checkpoints carry it,
/// since weights that were trained with another one mean something else.
public final class Setting: Cell {
  private final class Core: CellCore {
    var value: Float

    init(_ value: Float) {
      self.value = value
      super.init()
    }
  }

  /// The values that make sense.
  public let allowed: ClosedRange<Float>
  private var own: Core

  /// A setting with its value and the values that are possible.
  public init(_ value: Float, allowed: ClosedRange<Float>) {
    ensure(allowed.contains(value), "a setting of \(value) is not in \(allowed)")
    own = Core(value)
    self.allowed = allowed
  }

  public var core: CellCore { own }

  /// Its value.
  public var value: Float { (own.bound(as: Core.self) ?? own).value }

  package func assign(_ value: Float) {
    ensure(allowed.contains(value), "\(path): \(value) is not in \(allowed)")
    own.value = value
  }

  /// What is added to a variance before it divides.
  static func epsilon(_ value: Float) -> Setting { Setting(value, allowed: 0...1) }

  func share(_ other: Setting) { own = other.own }

  func snapshot() -> CellCore {
    let copy = Core(own.value)
    copy.path = path
    return copy
  }
}

/// Where a layer without state stands, so that it can be frozen, observed, and draw random numbers of its own. It is in
/// no checkpoint.
public final class Site: Cell {
  private final class Core: CellCore {}

  private var own = Core()

  /// The place of a layer that has no cells.
  public init() {}

  public var core: CellCore { own }

  func share(_ other: Site) { own = other.own }
}

extension Cell {
  /// Holds from now on what another cell holds, so that both are one; nothing where they are of different kinds.
  func share(_ other: any Cell) {
    switch (self, other) {
    case (let own as Parameter, let other as Parameter): own.share(other)
    case (let own as Buffer, let other as Buffer): own.share(other)
    case (let own as Counter, let other as Counter): own.share(other)
    case (let own as Constant, let other as Constant): own.share(other)
    case (let own as IndexTable, let other as IndexTable): own.share(other)
    case (let own as Setting, let other as Setting): own.share(other)
    case (let own as Site, let other as Site): own.share(other)
    default: break
    }
  }
}
