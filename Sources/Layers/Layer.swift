import AviaryTensors

/// A part of a model: a struct of `let`s that are cells, layers, and plain values.
///
/// The names of its children lead to the cells: `layer1.0.conv1.weight` is the path of a cell in a model, and its name in a
/// checkpoint.
public protocol Layer {
  /// The cells and layers that the layer consists of, by their names; its stored properties, if it does not say otherwise.
  ///
  /// A layer lists them itself where names are no Swift identifiers (`Mixed_5b`) or their number varies (`fc1`, `fc2`, …):
  ///
  /// ```swift
  /// var children: [Child] { blocks.enumerated().map { Child("denselayer\($0 + 1)", $1) } }
  /// ```
  var children: [Child] { get }
}

extension Layer {
  public var children: [Child] { Child.properties(of: self) }
}

/// A layer from one tensor to one tensor, called like a function.
public protocol UnaryLayer: Layer {
  /// What the layer computes. Call the layer itself, `layer(x)`, so that its output can be observed.
  ///
  /// The input is handed over, so that its memory serves again as soon as nobody needs it; a layer may as well be declared
  /// with a plain `x: Tensor`.
  func forward(_ x: consuming Tensor) -> Tensor
}

extension UnaryLayer {
  /// What the layer computes, where its output can be observed.
  public func callAsFunction(_ x: consuming Tensor) -> Tensor {
    guard Observation.isActive else { return forward(x) }
    return Observation.observe(self, x)
  }
}

/// Plain values that describe a model: the walk passes over them.
public protocol LayerConfiguration: Codable, Sendable {}

extension Layer {
  /// Every cell in the order of the children, each once.
  package var inventory: Inventory { Walk.inventory(of: self) }

  /// The layers of the model with their paths, from the outside in: the model itself first, with an empty path.
  public var namedLayers: [(path: String, layer: any Layer)] { Walk.layers(of: self) }

  /// The learned parameters in order, each once, frozen ones included.
  public var parameters: [Parameter] { inventory.parameters }

  /// The learned parameters that are not frozen.
  public var trainableParameters: [Parameter] { inventory.parameters.filter { !$0.isFrozen } }

  /// The statistics that training gathers, in order, each once.
  public var buffers: [Buffer] { inventory.cells.compactMap { $0.cell as? Buffer } }

  /// The same with their paths in this model.
  public func namedBuffers() -> [(path: String, buffer: Buffer)] {
    inventory.cells.compactMap { entry in (entry.cell as? Buffer).map { (entry.path, $0) } }
  }

  /// Fills every cell anew, from a seed: the same seed gives the same values on every machine.
  public func initialize(seed: UInt64) {
    initialize(seed: seed, where: { _ in true })
  }

  /// Fills the cells whose path is chosen.
  package func initialize(seed: UInt64, where isChosen: (String) -> Bool) {
    let inventory = inventory
    inventory.nameCells()
    for entry in inventory.cells where isChosen(entry.path) {
      switch entry.cell {
      case let parameter as Parameter:
        parameter.assign(parameter.initializer.tensor(shape: parameter.shape, seed: seed, path: entry.path))
      case let buffer as Buffer: buffer.reset()
      case let counter as Counter: counter.value = 0
      default: break
      }
    }
  }

  /// Gives every cell the value, and the freezing, of the cell with the same path in another model.
  ///
  /// - Precondition: every parameter and buffer of the other model has a value, and the shape of its counterpart here.
  public func assign(from other: some Layer) {
    let values = Dictionary(uniqueKeysWithValues: other.inventory.cells.map { ($0.path, $0.cell) })
    let inventory = inventory
    inventory.nameCells()
    for entry in inventory.cells {
      guard let given = values[entry.path] else { continue }
      entry.cell.core.isFrozen = given.isFrozen
      switch (entry.cell, given) {
      case (let own as Parameter, let given as Parameter): own.assign(given.filled.value)
      case (let own as Buffer, let given as Buffer): own.assign(given.tensor)
      case (let own as Counter, let given as Counter): own.value = given.value
      case (let own as Setting, let given as Setting): own.assign(given.value)
      default: break
      }
    }
  }

  /// A model of its own with the same values and the same frozen set, in another one that was built alike:
  /// `let twin = model.copy(Encoder(3, 3))`.
  public func copy(_ other: @autoclosure () -> Self) -> Self {
    let copy = other()
    copy.assign(from: self)
    return copy
  }
}

/// Runs `body` with a tape, in training mode, and differentiates the scalar it returns with respect to parameters.
///
/// ```swift
/// let (loss, gradients, logits) = valueWithGradients(of: model.parameters) {
///   let logits = model(images)
///   return (crossEntropy(logits, labels: labels), logits)
/// }
/// ```
///
/// - Parameters:
///   - parameters: Frozen ones get no gradient.
///   - mode: `.inference` for gradients of a model in use, as in saliency maps.
///   - noise: What dropout is keyed by; by default every call draws anew.
public func valueWithGradients<Auxiliary, Failure>(
  of parameters: [Parameter], mode: Mode = .training, noise: Noise? = nil,
  _ body: () throws(Failure) -> (Tensor, Auxiliary)
) throws(Failure) -> (value: Tensor, gradients: Gradients, auxiliary: Auxiliary) {
  let trained = parameters.filter { !$0.isFrozen }
  return try valueWithGradients(of: trained.map(\.filled), owners: trained, mode: mode, noise: noise, body)
}

/// The same for a scalar alone.
public func valueWithGradients<Failure>(
  of parameters: [Parameter], mode: Mode = .training, noise: Noise? = nil, _ body: () throws(Failure) -> Tensor
) throws(Failure) -> (value: Tensor, gradients: Gradients) {
  let (value, gradients, _) = try valueWithGradients(of: parameters, mode: mode, noise: noise) {
    () throws(Failure) -> (Tensor, Void) in (try body(), ())
  }
  return (value, gradients)
}

/// The same with respect to all parameters of a model.
public func valueWithGradients<Auxiliary, Failure>(
  of model: some Layer, mode: Mode = .training, noise: Noise? = nil,
  _ body: () throws(Failure) -> (Tensor, Auxiliary)
) throws(Failure) -> (value: Tensor, gradients: Gradients, auxiliary: Auxiliary) {
  try valueWithGradients(of: model.parameters, mode: mode, noise: noise, body)
}

/// The same with respect to all parameters of a model, for a scalar alone.
public func valueWithGradients<Failure>(
  of model: some Layer, mode: Mode = .training, noise: Noise? = nil, _ body: () throws(Failure) -> Tensor
) throws(Failure) -> (value: Tensor, gradients: Gradients) {
  try valueWithGradients(of: model.parameters, mode: mode, noise: noise, body)
}
