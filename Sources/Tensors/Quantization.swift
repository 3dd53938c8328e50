import AviaryDiagnostics
import AviaryKernels

/// How stored integers map to weights, and how a layer's input is rounded to integers.
///
/// Weights are symmetric, a scale for each output channel: weight = scale · integer. The input has one scale: it is
/// rounded to integers from 0 to 255 where it is never negative, and else from −128 to 127 (Jacob et al., 2018; Krishnamoorthi,
/// 2018, section 3.1).
///
/// In inference, a convolution or linear map of such weights asks for its input in integers, and what computes that input
/// rounds once, at its end. A result that was read as floats before, as by an observer, is rounded from those, and an
/// element halfway between two integers may be rounded the other way.
public struct Quantization: Sendable, Hashable {
  /// One for each output channel: what is first in the shape of the weights.
  public let scales: [Float]
  /// What the integers of inputs are multiplied by.
  public let inputScale: Float
  /// Whether the input has a sign.
  public let inputIsSigned: Bool

  /// Scales are positive and finite.
  public init(scales: [Float], inputScale: Float, inputIsSigned: Bool) {
    ensure(
      (scales + [inputScale]).allSatisfy { $0 > 0 && $0.isFinite },
      "Quantization: the scales must be positive and finite")
    self.scales = scales
    self.inputScale = inputScale
    self.inputIsSigned = inputIsSigned
  }

  /// Whether this processor multiplies 8-bit integers (VNNI); otherwise the floats that they stand for are used.
  public static var isSupported: Bool { IntegerArithmetic.isSupported }

  var input: QuantizedForm { QuantizedForm(scale: inputScale, isSigned: inputIsSigned) }
}

/// Weights as integers, and what has been prepared from them. The integers never change; changing the floats drops them.
final class QuantizedWeights {
  let values: Buffer
  let shape: [Int]
  let quantization: Quantization
  var prepared: [QuantizedRequest: QuantizedOperation] = [:]

  init(values: Buffer, shape: [Int], quantization: Quantization) {
    self.values = values
    self.shape = shape
    self.quantization = quantization
  }

  func dequantized() -> Buffer { values.dequantized(scales: quantization.scales, shape: shape) }

  /// The operation for a request, from those that were made or new.
  func operation(_ request: QuantizedRequest, _ make: () -> QuantizedOperation) -> QuantizedOperation {
    if let found = prepared[request] { return found }
    let made = make()
    // Every size of picture is a request of its own; weights reordered before serve again.
    if prepared.count >= 16 { prepared = [:] }
    prepared[request] = made
    return made
  }

  /// The weights as a plan wants them.
  func weights(for plan: Plan, _ make: () -> Buffer) -> Buffer {
    prepared.values.lazy.compactMap(\.ready).first { $0.weights.layout == plan.weights }?.weights ?? make()
  }
}

/// What an operation of integers is made for.
struct QuantizedRequest: Hashable {
  enum Geometry: Hashable {
    case convolution(ConvolutionShape)
    case linear(LinearShape)
  }

  enum Addend: Hashable {
    case none, floats
    case integers(QuantizedForm)
  }

  let geometry: Geometry
  let destination: QuantizedForm?
  let addend: Addend
  let relu: Bool
  /// Bias and normalisation, by the identity of their tensors.
  let folded: [ObjectIdentifier]
  let epsilon: Float
  let threads: Int
}

struct QuantizedOperation {
  struct Ready {
    let plan: Plan
    let input: QuantizedForm
    let weights: Buffer
  }

  /// Nil where oneDNN has no plan.
  let ready: Ready?
  /// Keeps alive what the request names.
  let keptAlive: [Confined<TensorContent>]
}

extension Tensor {
  /// Weights of integers, in row-major order: `scale · integer`, each outermost row by a scale of its own.
  public init(quantized values: Span<Int8>, shape: [Int], _ quantization: Quantization) {
    ensure(
      !shape.isEmpty && quantization.scales.count == shape[0] && values.count == shape.reduce(1, *),
      "Tensor: \(values.count) integers and \(quantization.scales.count) scales do not match weights of shape \(shape)")
    let weights = QuantizedWeights(
      values: Buffer(values, shape: shape), shape: shape, quantization: quantization)
    var content = TensorContent(.deferred(.dequantization(weights)))
    content.quantized = weights
    self.init(shape: shape, content: Confined(content))
  }

  /// The quantisation of the tensor; nil where it consists of floats, and once its elements have been changed.
  public var quantization: Quantization? {
    content.run { $0.quantized?.quantization }
  }

  /// The integers that the tensor consists of, in row-major order.
  public var quantizedValues: [Int8]? {
    content.run { content in content.quantized.map { $0.values.integers(count: $0.shape.reduce(1, *)) } }
  }

  /// Whether operators of the current pass use the integers: there is no tape, and the mode is inference.
  var runsQuantized: Bool {
    let pass = Pass.current.onComputeThread
    return content.onComputeThread.quantized != nil && pass.tape == nil && pass.mode == .inference
      && IntegerArithmetic.isSupported
  }

  /// The elements as integers. What is computed only now is computed as such, and the tensor consists of them from then on.
  /// Nil where they are not all finite, which integers cannot be.
  func quantized(_ form: QuantizedForm) -> QuantizedBuffer? {
    if let known = content.onComputeThread.integers, known.form == form { return known }
    let made: QuantizedBuffer
    switch content.onComputeThread.value {
    case .quantized(let own): made = own.requantized(form, shape: shape)
    case .deferred(.convolution(let convolution)):
      if let result = convolution.integers(form) {
        content.onComputeThread.value = .quantized(result)
        return result
      }
      guard let rounded = buffer.rounded(form, shape: shape) else { return nil }
      made = rounded
    case .deferred(.maxPool(let pool)):
      guard let integers = pool.x.quantized(form) else { return nil }
      made = pool.pooling.forward(integers)
      content.onComputeThread.value = .quantized(made)
      return made
    default:
      guard let rounded = buffer.rounded(form, shape: shape) else { return nil }
      made = rounded
    }
    content.onComputeThread.integers = made
    return made
  }
}

extension Buffer {
  /// Floats as integers; nil where a NaN or an infinity would be lost.
  func rounded(_ form: QuantizedForm, shape: [Int]) -> QuantizedBuffer? {
    isFinite ? quantized(form, shape: shape) : nil
  }
}

/// A maximum over windows that waits to hear whether integers are wanted: rounding does not change which is the largest.
final class MaxPoolExpression {
  let pooling: Pooling
  let x: Tensor

  init(pooling: Pooling, x: Tensor) {
    self.pooling = pooling
    self.x = x
  }

  func compute() -> Buffer { pooling.forward(x.buffer, training: false).y }
}
