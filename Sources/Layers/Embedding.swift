import AviaryTensors

/// A table of vectors, one for each symbol: indices [N…] → [N…, D], PyTorch's `nn.Embedding`.
public struct Embedding: Layer {
  /// [V, D]
  public let weight: Parameter

  /// - Parameters:
  ///   - symbols: V, how many rows the table has.
  ///   - width: D, how long each vector is.
  public init(_ symbols: Int, _ width: Int, initializer: Initializer = .normal(mean: 0, deviation: 1)) {
    weight = Parameter(shape: [symbols, width], initializer: initializer)
  }

  public func callAsFunction(_ indices: IntTensor) -> Tensor {
    if let wrong = indices.scalars.first(where: { $0 < 0 || $0 >= weight.shape[0] }) {
      preconditionFailure("\(weight.layerPath): Embedding: index \(wrong) is none of the rows of \(weight.shape)")
    }
    guard Observation.isActive else { return embedding(indices, weight: weight.tensor) }
    return Observation.observe({ embedding(indices, weight: weight.tensor) }, of: { Walk.path(of: self) })
  }
}
