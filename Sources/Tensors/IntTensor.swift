import AviaryDiagnostics

/// An immutable array of Int32 of any rank: labels and tokens. No gradient flows through it.
public struct IntTensor: Sendable, Equatable {
  /// The sizes of the axes.
  public let shape: [Int]
  /// The elements in row-major order.
  public let scalars: [Int32]

  /// A tensor of the given elements, in row-major order.
  public init(_ scalars: [Int32], shape: [Int]) {
    ensure(
      shape.allSatisfy { $0 >= 0 } && scalars.count == shape.reduce(1, *),
      "IntTensor: \(scalars.count) elements do not fill the shape \(shape)")
    self.shape = shape
    self.scalars = scalars
  }

  /// A vector.
  public init(_ scalars: [Int32]) {
    self.init(scalars, shape: [scalars.count])
  }
}
