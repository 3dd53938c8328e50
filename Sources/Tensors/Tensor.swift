/// An immutable array of Float32 of any rank. (Stub: the real one is being written; the signatures stay.)
public struct Tensor: Sendable {
  public let shape: [Int]
  public let scalars: [Float]
  public init(_ scalars: [Float], shape: [Int]) {
    precondition(scalars.count == shape.reduce(1, *))
    self.shape = shape
    self.scalars = scalars
  }
}

/// An immutable array of Int32 of any rank: labels and tokens.
public struct IntTensor: Sendable, Equatable {
  public let shape: [Int]
  public let scalars: [Int32]
  public init(_ scalars: [Int32], shape: [Int]) {
    precondition(scalars.count == shape.reduce(1, *))
    self.shape = shape
    self.scalars = scalars
  }
}
