import AviaryTensors

/// A part of a model: a struct of `let`s that are cells, layers, and plain values. The walk finds the cells by the names
/// of the properties that lead to them.
public protocol Layer {}

/// A layer from one tensor to one tensor, called like a function.
public protocol UnaryLayer: Layer {
  /// What the layer computes. Call the layer itself, `layer(x)`, so that its output can be observed.
  ///
  /// The input is handed over, so that its memory serves again as soon as nobody needs it; a layer may as well be declared
  /// with a plain `x: Tensor`.
  func forward(_ x: consuming Tensor) -> Tensor
}

extension UnaryLayer {
  public func callAsFunction(_ x: consuming Tensor) -> Tensor {
    guard Observation.isActive else { return forward(x) }
    return Observation.observe(x, forward, of: { Walk.path(of: self) })
  }
}

/// Plain values that describe a model: the walk passes over them.
public protocol LayerConfiguration: Codable, Sendable {}

extension Layer {
  /// Every cell in the order of the properties, each once, told its path.
  package var inventory: Inventory { Walk.inventory(of: self) }

  /// The learned parameters in order, frozen ones included.
  public var parameters: [Parameter] { inventory.parameters }

  /// The learned parameters that are not frozen.
  public var trainableParameters: [Parameter] { inventory.parameters.filter { !$0.isFrozen } }

  /// Fills every cell anew, from a seed: the same seed gives the same values on every machine.
  public func initialize(seed: UInt64) {
    initialize(seed: seed, where: { _ in true })
  }

  /// Fills the cells whose path is chosen.
  package func initialize(seed: UInt64, where isChosen: (String) -> Bool) {
    for entry in inventory.cells where isChosen(entry.path) {
      switch entry.cell {
      case let parameter as Parameter:
        parameter.assign(parameter.initializer.tensor(shape: parameter.shape, seed: seed, path: parameter.path))
      case let buffer as Buffer: buffer.reset()
      case let counter as Counter: counter.value = 0
      default: break
      }
    }
  }

  /// Gives every cell the value of the cell with the same path in another model.
  package func assign(from other: some Layer) {
    let values = Dictionary(uniqueKeysWithValues: other.inventory.cells.map { ($0.path, $0.cell) })
    for entry in inventory.cells {
      guard let given = values[entry.path] else { continue }
      entry.cell.isFrozen = given.isFrozen
      switch (entry.cell, given) {
      case (let own as Parameter, let given as Parameter): own.assign(given.filled.value)
      case (let own as Buffer, let given as Buffer): own.assign(given.tensor)
      case (let own as Counter, let given as Counter): own.value = given.value
      case (let own as Setting, let given as Setting): own.assign(given.value)
      default: break
      }
    }
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
