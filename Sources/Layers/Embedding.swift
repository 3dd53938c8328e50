import AviaryDiagnostics
import AviaryTensors

/// A table of vectors, one for each symbol: indices [N…] → [N…, D], PyTorch's `nn.Embedding`. As an element of a `Sequential`
/// it takes indices as whole numbers in a tensor of floats, whose fractions are cut off.
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

  public func forward(_ x: Tensor) -> Tensor { rows(x, allowingOthers: false) }

  /// The same, but a number that is no symbol, which tables may hold, becomes a row of NaN.
  package func rowsOrNaN(_ x: Tensor) -> Tensor { rows(x, allowingOthers: true) }

  private func rows(_ indices: IntTensor) -> Tensor {
    embedding(indices, weight: weight.tensor, padding: padding).movingAxis(-1, to: axis)
  }

  /// What is read of a tensor is not seen by a trace, which therefore has the numbers as an operand.
  private func rows(_ x: Tensor, allowingOthers: Bool) -> Tensor {
    let table = weight.tensor
    func description() -> OperationDescription {
      let padding = padding.map { ["padding": AttributeValue.integer($0)] } ?? [:]
      return .init("embedding", padding.merging(["allowingOthers": .flag(allowingOthers)]) { $1 })
    }
    return composed(description(), from: [table, x]) {
      let numbers = x.scalars
      let symbols = numbers.map { Self.row(of: $0, among: weight.shape[0]) }
      if !allowingOthers, let wrong = symbols.firstIndex(of: nil) {
        stopProgram(
          "\(weight.layerPath): Embedding: \(numbers[wrong]) is not an index into the rows of \(weight.shape)")
      }
      let y = embedding(IntTensor(symbols.map { $0 ?? 0 }, shape: x.shape), weight: table, padding: padding)
      guard symbols.contains(nil) else { return y }
      return y + Tensor(symbols.map { $0 == nil ? .nan : 0 }, shape: x.shape + [1])
    }.movingAxis(-1, to: axis)
  }

  /// The row that a number stands for, without its fraction, as where Keras casts it; nil where there is none.
  package static func row(of number: Float, among symbols: Int) -> Int32? {
    Int32(exactly: number.rounded(.towardZero)).flatMap { (0..<Int32(symbols)).contains($0) ? $0 : nil }
  }
}
