import AviaryDiagnostics
import AviaryTensors

/// A table of vectors, one for each symbol: indices [N…] → [N…, D], PyTorch's `nn.Embedding`.
public struct Embedding: Layer {
  /// [V, D]
  public let weight: Parameter
  private let padding: Int?

  /// - Parameters:
  ///   - symbols: V, how many rows the table has.
  ///   - width: D, how long each vector is.
  ///   - padding: a symbol that fills sequences up and is not learned: its row begins at zero and gets no gradient
  ///     (PyTorch's `padding_idx`).
  public init(
    _ symbols: Int, _ width: Int, padding: Int? = nil, initializer: Initializer = .normal(mean: 0, deviation: 1)
  ) {
    ensure(
      padding.map { (0..<symbols).contains($0) } ?? true,
      "Embedding: the padding \(padding ?? 0) is none of \(symbols) symbols")
    weight = Parameter(
      shape: [symbols, width], initializer: padding.map { .zeroRow($0, others: initializer) } ?? initializer)
    self.padding = padding
  }

  public func callAsFunction(_ indices: IntTensor) -> Tensor {
    if let wrong = indices.scalars.first(where: { $0 < 0 || $0 >= weight.shape[0] }) {
      stopProgram("\(weight.layerPath): Embedding: index \(wrong) is none of the rows of \(weight.shape)")
    }
    guard Observation.isActive else { return embedding(indices, weight: weight.tensor, padding: padding) }
    return Observation.observe(self) { embedding(indices, weight: weight.tensor, padding: padding) }
  }
}
