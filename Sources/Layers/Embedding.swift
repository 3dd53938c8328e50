import AviaryDiagnostics
import AviaryTensors

/// A table of vectors, one for each symbol: indices [N…] → [N…, D], PyTorch's `nn.Embedding`. As an element of a `Sequential`
/// it takes indices as whole numbers in a tensor of floats.
public struct Embedding: UnaryLayer {
  /// [V, D]
  public let weight: Parameter
  private let padding: Int?
  private let axis: Int

  /// - Parameters:
  ///   - symbols: V, how many rows the table has.
  ///   - width: D, how long each vector is.
  ///   - padding: the symbol that pads sequences and is not learned: its row starts at zero and gets no gradient
  ///     (PyTorch's `padding_idx`).
  ///   - axis: the axis of the vectors in the result: -1, or 1 for [N, T] → [N, D, T].
  public init(
    _ symbols: Int, _ width: Int, padding: Int? = nil, axis: Int = -1,
    initializer: Initializer = .normal(mean: 0, deviation: 1)
  ) {
    ensure(
      padding.map { (0..<symbols).contains($0) } ?? true,
      "Embedding: the padding \(padding ?? 0) is not one of \(symbols) symbols")
    weight = Parameter(
      shape: [symbols, width], initializer: padding.map { .zeroRow($0, others: initializer) } ?? initializer)
    self.padding = padding
    self.axis = axis
  }

  /// The rows of the table: [N, …] → [N, …, width].
  public func callAsFunction(_ indices: IntTensor) -> Tensor {
    if let wrong = indices.scalars.first(where: { $0 < 0 || $0 >= weight.shape[0] }) {
      stopProgram("\(weight.layerPath): Embedding: index \(wrong) is not a row of \(weight.shape)")
    }
    guard Observation.isActive else { return rows(indices) }
    return Observation.observe(self) { rows(indices) }
  }

  public func forward(_ x: Tensor) -> Tensor {
    let indices = x.scalars.map { number -> Int32 in
      guard let index = Int32(exactly: number.rounded()), (0..<Int32(weight.shape[0])).contains(index) else {
        stopProgram("\(weight.layerPath): Embedding: \(number) is not an index into the rows of \(weight.shape)")
      }
      return index
    }
    return rows(IntTensor(indices, shape: x.shape))
  }

  private func rows(_ indices: IntTensor) -> Tensor {
    embedding(indices, weight: weight.tensor, padding: padding).movingAxis(-1, to: axis)
  }
}
