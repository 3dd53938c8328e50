import AviaryDiagnostics
import AviaryKernels

/// An immutable array of Float32 of any rank.
///
/// Operations make new tensors. A tensor keeps the memory layout that its producer liked and is put into row-major order
/// only when somebody reads its elements; it may even be computed only then. Neither shows: the elements are those of
/// eager execution.
public struct Tensor: Sendable {
  /// The sizes of the axes; empty for a scalar.
  public let shape: [Int]
  /// What the tensor consists of, shared with tensors that have the same elements.
  var content: Confined<TensorContent>
  /// Where a tape knows the tensor.
  let node: TapePosition?

  init(shape: [Int], content: Confined<TensorContent>, node: TapePosition? = nil) {
    self.shape = shape
    self.content = content
    self.node = node
  }

  package init(_ buffer: Buffer, shape: [Int]) {
    self.init(shape: shape, content: Confined(TensorContent(.ready(buffer))))
  }

  init(_ deferred: Deferred, shape: [Int]) {
    self.init(shape: shape, content: Confined(TensorContent(.deferred(deferred))))
  }
}

// MARK: - Making tensors

extension Tensor {
  /// A tensor of the elements given, in row-major order.
  public init(_ scalars: [Float], shape: [Int]) {
    ensure(
      shape.allSatisfy { $0 >= 0 } && scalars.count == shape.reduce(1, *),
      "Tensor: \(scalars.count) elements do not fill the shape \(shape)")
    self.init(Buffer(scalars, shape: shape), shape: shape)
  }

  /// A tensor of the elements of buffers, one after the other, in row-major order.
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

  /// A tensor of a copy of the elements given, in row-major order.
  package init(_ scalars: Span<Float>, shape: [Int]) {
    ensure(
      scalars.count == shape.reduce(1, *), "Tensor: \(scalars.count) elements do not fill the shape \(shape)")
    self.init(Buffer(scalars, shape: shape), shape: shape)
  }

  /// A tensor of Float32 that lie, in row-major order, in memory that `owner` keeps alive and unchanged: a mapped file's.
  /// Nothing is copied, and nothing is ever written there. Nil where the address is no multiple of 64.
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
    operation { plainBuffer.scalars(count: count) }
  }

  /// The only element.
  public var scalar: Float {
    ensure(count == 1, "scalar: a tensor of shape \(shape) has \(count) elements")
    return scalars[0]
  }

  /// Whether the elements lie in memory at the address.
  package func isSharing(_ address: UInt) -> Bool { operation { buffer.startAddress == address } }

  /// The sum of the squares of the elements, accumulated in double.
  package var sumOfSquares: Double {
    operation { buffer.sumOfSquares() }
  }

  /// The same elements, of which no tape knows: gradients do not flow through it.
  public func detached() -> Tensor {
    Tensor(shape: shape, content: content)
  }
}

extension Tensor: CustomStringConvertible {
  /// The shape and the first elements.
  public var description: String {
    let shown = scalars.prefix(8).map { "\($0)" }.joined(separator: ", ")
    return "Tensor\(shape) [\(shown)\(count > 8 ? ", …" : "")]"
  }
}

/// The sum of numbers in memory, accumulated in double.
package func sum(_ scalars: Span<Float>) -> Double { AviaryKernels.sum(scalars) }
