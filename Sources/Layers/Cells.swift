import AviaryDiagnostics
import AviaryTensors

/// A place in a model that the walk finds: it is told its path, and whether it is frozen.
package protocol Cell: AnyObject {
  /// The path of the properties that lead to the cell, which is also its name in checkpoints: `layer1.0.conv1.weight`.
  var path: String { get set }
  /// Whether the cell lies under a frozen path.
  var isFrozen: Bool { get set }
}

extension Cell {
  /// The path of the layer that the cell is a property of, for messages.
  var layerPath: String {
    path.split(separator: ".").dropLast().joined(separator: ".")
  }
}

/// What is learned: a tensor that an optimizer changes.
///
/// A layer declares the shape and how to begin; the value comes from `initialize(seed:)` or from a checkpoint.
public final class Parameter: Cell {
  public package(set) var path = ""
  public package(set) var isFrozen = false
  public let shape: [Int]
  public let initializer: Initializer
  private var variable: Variable?

  public init(shape: [Int], initializer: Initializer) {
    self.shape = shape
    self.initializer = initializer
  }

  /// The value, as the current pass sees it: gradients flow to it where it is differentiated and not frozen.
  public var tensor: Tensor { filled.tracked(at: path, isFrozen: isFrozen) }

  /// Whether the parameter has a value.
  public var isFilled: Bool { variable != nil }

  /// Sets the value.
  public func assign(_ value: Tensor) {
    ensure(value.shape == shape, "\(path): a value of shape \(value.shape) for a parameter of shape \(shape)")
    if let variable {
      variable.value = value.detached()
    } else {
      variable = Variable(value.detached())
    }
  }

  /// The cell that tapes and optimizers work with.
  package var filled: Variable {
    guard let variable else {
      stopProgram("\(path): the parameter has no value; call initialize(seed:) or load a checkpoint first")
    }
    return variable
  }
}

/// What is gathered during training and not learned: running statistics.
public final class Buffer: Cell {
  public package(set) var path = ""
  public package(set) var isFrozen = false
  public let shape: [Int]
  private let start: Float
  private var value: Tensor?

  /// A buffer that `initialize(seed:)` fills with one value.
  public init(shape: [Int], startingAt start: Float) {
    self.shape = shape
    self.start = start
  }

  public var tensor: Tensor {
    // What the pass has pending may be about to change the value.
    settle()
    guard let value else {
      stopProgram("\(path): the buffer has no value; call initialize(seed:) or load a checkpoint first")
    }
    return traced(value, bufferAt: path)
  }

  public var isFilled: Bool { value != nil }

  public func assign(_ value: Tensor) {
    ensure(value.shape == shape, "\(path): a value of shape \(value.shape) for a buffer of shape \(shape)")
    settle()
    self.value = value.detached()
  }

  func reset() { value = Tensor(repeating: start, shape: shape) }
}

/// A whole number that is counted in training, such as the batches a normalisation has seen.
public final class Counter: Cell {
  public package(set) var path = ""
  public package(set) var isFrozen = false
  private var count: Int64 = 0

  public init() {}

  public var value: Int64 {
    get {
      // What the pass has pending may be about to count.
      settle()
      return count
    }
    set {
      settle()
      count = newValue
    }
  }
}

/// A number that says how a layer works and is not learned: a normalisation's epsilon or momentum. Checkpoints carry it,
/// since weights that were trained with another one mean something else.
public final class Setting: Cell {
  public package(set) var path = ""
  public package(set) var isFrozen = false
  /// The values that make sense.
  public let allowed: ClosedRange<Float>
  public private(set) var value: Float

  public init(_ value: Float, allowed: ClosedRange<Float>) {
    ensure(allowed.contains(value), "a setting of \(value) is not in \(allowed)")
    self.value = value
    self.allowed = allowed
  }

  package func assign(_ value: Float) {
    ensure(allowed.contains(value), "\(path): \(value) is not in \(allowed)")
    self.value = value
  }

  /// What is added to a variance before it divides.
  static func epsilon(_ value: Float) -> Setting { Setting(value, allowed: 0...1) }
}

/// Where a layer without state stands, so that it can be frozen, observed, and draw random numbers of its own. It is in
/// no checkpoint.
public final class Site: Cell {
  public package(set) var path = ""
  public package(set) var isFrozen = false

  public init() {}
}
