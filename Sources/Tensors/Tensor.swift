import AviaryDiagnostics
import AviaryKernels

/// An immutable array of Float32 of any rank.
///
/// Operations make new tensors. A tensor keeps the memory layout that its producer chose and is reordered to row-major only
/// when its elements are read; it may even be computed only then. Neither is visible: the elements are those of eager
/// execution.
public struct Tensor: Sendable {
  /// The sizes of the axes; empty for a scalar.
  public let shape: [Int]
  /// The contents, shared with tensors of the same elements.
  var content: Confined<TensorContent>
  /// The position on a tape.
  let node: TapePosition?

  init(shape: [Int], content: Confined<TensorContent>, node: TapePosition? = nil) {
    self.shape = shape
    self.content = content
    self.node = node
  }

  package init(_ buffer: Buffer, shape: [Int]) {
    self.init(shape: shape, content: Confined(TensorContent(.ready(buffer))))
  }

  /// Of numbers of a lower precision.
  init(rounded buffer: Buffer, shape: [Int]) {
    self.init(shape: shape, content: Confined(TensorContent(.rounded(buffer))))
  }

  init(_ deferred: Deferred, shape: [Int]) {
    self.init(shape: shape, content: Confined(TensorContent(.deferred(deferred))))
  }
}

// MARK: - Making tensors

extension Tensor {
  /// A tensor of the given elements, in row-major order.
  public init(_ scalars: [Float], shape: [Int]) {
    ensure(
      shape.allSatisfy { $0 >= 0 } && scalars.count == shape.reduce(1, *),
      "Tensor: \(scalars.count) elements do not fill the shape \(shape)")
    self.init(Buffer(scalars, shape: shape), shape: shape)
  }

  /// A tensor of the concatenated elements of buffers, in row-major order.
  package init(joining parts: [Buffer], shape: [Int]) {
    let count = parts.reduce(0) { $0 + $1.count }
    ensure(count == shape.reduce(1, *), "Tensor: \(count) elements do not fill the shape \(shape)")
    self.init(Buffer(joining: parts, shape: shape), shape: shape)
  }

  /// A scalar.
  public init(_ scalar: Float) {
    self.init([scalar], shape: [])
  }

  /// One value everywhere.
  public init(repeating value: Float, shape: [Int]) {
    self.init([Float](repeating: value, count: shape.reduce(1, *)), shape: shape)
  }

  /// Zeros.
  public init(zeros shape: [Int]) {
    self.init(repeating: 0, shape: shape)
  }

  /// Ones.
  public init(ones shape: [Int]) {
    self.init(repeating: 1, shape: shape)
  }

  /// A tensor that copies the given elements, in row-major order.
  package init(_ scalars: Span<Float>, shape: [Int]) {
    ensure(
      scalars.count == shape.reduce(1, *), "Tensor: \(scalars.count) elements do not fill the shape \(shape)")
    self.init(Buffer(scalars, shape: shape), shape: shape)
  }

  /// A tensor of Float32 in memory that `owner` keeps alive and unchanged, such as a memory-mapped file, in row-major order.
  /// Nothing is copied, and nothing is written there. Nil if the address is not a multiple of 64.
  package init?(sharing address: UInt, of owner: any AnyObject & Sendable, shape: [Int]) {
    guard let buffer = Buffer(sharing: address, of: owner, shape: shape) else { return nil }
    self.init(buffer, shape: shape)
  }

  /// Uniform random numbers in [lower, upper).
  public init(uniform lower: Float, _ upper: Float, stream: RandomStream, shape: [Int]) {
    self.init(Compute.alone { Buffer.uniform(lower, upper, stream: stream, shape: shape) }, shape: shape)
  }

  /// Normal random numbers.
  public init(normal mean: Float, deviation: Float, stream: RandomStream, shape: [Int]) {
    self.init(
      Compute.alone { Buffer.normal(mean: mean, deviation: deviation, stream: stream, shape: shape) }, shape: shape)
  }
}

// MARK: - Reading tensors

extension Tensor {
  /// The number of axes.
  public var rank: Int { shape.count }
  /// The number of elements.
  public var count: Int { shape.reduce(1, *) }

  /// The elements in row-major order.
  public var scalars: [Float] {
    operation {
      noteReading(self)
      return plainBuffer.scalars(count: count)
    }
  }

  /// The only element.
  public var scalar: Float {
    ensure(count == 1, "scalar: a tensor of shape \(shape) has \(count) elements")
    return scalars[0]
  }

  /// Whether the elements are stored at the address.
  package func isSharing(_ address: UInt) -> Bool { operation { buffer.startAddress == address } }

  /// The sum of the squares of the elements, accumulated in double.
  package var sumOfSquares: Double {
    operation { buffer.sumOfSquares() }
  }

  /// Whether both are one: the same elements, and the same place on a tape.
  package func isSame(as other: Tensor) -> Bool {
    shape == other.shape && content === other.content && node == other.node
  }

  /// The same elements, cut off from the tape: no gradient flows through the result.
  public func detached() -> Tensor {
    Tensor(shape: shape, content: content)
  }
}

/// The sum of numbers in memory, accumulated in double.
package func sum(_ scalars: Span<Float>) -> Double { AviaryKernels.sum(scalars) }
