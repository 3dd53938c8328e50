import AviaryDiagnostics
import AviaryKernels

/// The elements of a tensor: memory, or a computation not run yet. Touched in operations only.
struct TensorContent {
  enum Value {
    case ready(Buffer)
    /// 8-bit integers: the result of an integer operation that only integer operations have used so far.
    case quantized(QuantizedBuffer)
    /// Numbers of a lower precision: the result of a product of such numbers in inference, for the next to take as they are.
    case rounded(Buffer)
    case deferred(Deferred)
  }

  var value: Value
  /// The same elements prepared for a primitive: reordered or folded weights. Kept as long as the elements stay.
  var prepared: [Preparation: Prepared] = [:]
  /// The same elements rounded to 8-bit integers, for an integer operation.
  var integers: QuantizedBuffer?
  /// The integers of quantised weights.
  var quantized: QuantizedWeights?
  /// For a gradient that is zero wherever a relu's result is: that result. The relu need not mask it again.
  var maskedBy: Confined<TensorContent>?
  /// What traces know it by, from the first on that met it.
  var traceNumber = 0

  init(_ value: Value) { self.value = value }

  /// The memory, for changing it, where it is not shared and has the layout given. What was prepared from the elements is
  /// dropped in any case: the caller holds the only reference to the content.
  mutating func takeAlone(_ layout: Layout) -> Buffer? {
    var taken = Value.ready(.empty)
    swap(&taken, &value)
    defer { swap(&taken, &value) }
    var buffer: Buffer
    var isRounded = false
    switch consume taken {
    case .ready(let own): buffer = own
    case .rounded(let own): (buffer, isRounded) = (own, true)
    case .quantized, .deferred: stopProgram("a deferred tensor has no memory to take")
    }
    taken = .ready(.empty)
    // First of all: what a plan takes row-major was prepared without a copy and shares the memory.
    prepared = [:]
    integers = nil
    quantized = nil
    maskedBy = nil
    let alone = buffer.layout == layout && buffer.isHeldAlone()
    taken = isRounded ? .rounded(buffer) : .ready(buffer)
    return alone ? buffer : nil
  }
}

/// A form in which a primitive wants weights.
struct Preparation: Hashable {
  let layout: Layout
  /// The normalisation folded in, by the identity of its tensors.
  let folded: [ObjectIdentifier]
  var epsilon: Float = 0
}

struct Prepared {
  let weights: Buffer
  let bias: Buffer?
  /// Keeps alive what the key names, so that no other tensor can take its identity.
  let keptAlive: [Confined<TensorContent>]
}

/// A computation not run yet, so that later operations can become a part of it.
enum Deferred {
  case convolution(ConvolutionExpression)
  /// A normalisation in training, whose running statistics are up to date already or are brought so at the next call.
  case batchNormalization(BatchNormalizationPass)
  /// A normalisation by given statistics, which a relu may still join.
  case channelNormalization(Tensor, ChannelNormalization)
  /// Channels joined in inference, which a normalisation takes from where they are.
  case joinedChannels(JoinedChannels)
  /// Rows of a table, which a product takes from where they are.
  case rows(LookedUpRows)
  /// A sum that a relu may still join.
  case sum(Tensor, Tensor)
  /// A maximum over windows of what is computed in integers.
  case maxPool(MaxPoolExpression)
  /// The floats of quantised weights.
  case dequantization(QuantizedWeights)
  /// The gradient of a relu that is part of a normalisation: `gradient` where the result of both is positive.
  case masked(gradient: Tensor, pass: BatchNormalizationPass)
}

/// Runs the body of an operator as one operation, after what is pending.
func operation<Result>(_ body: () -> Result) -> Result {
  frame {
    Pass.resolvePending()
    return body()
  }
}

/// The same without running what is pending first.
func frame<Result>(_ body: () -> Result) -> Result {
  Compute.alone { Profile.isOn ? Profile.named(body) : body() }
}

extension Tensor {
  /// The elements in memory as floats, in their present layout, computed now if they have not been. In an operation only.
  var buffer: Buffer {
    switch content.onComputeThread.value {
    case .ready(let buffer): return buffer
    case .quantized(let own):
      let buffer = own.dequantized()
      content.onComputeThread.value = .ready(buffer)
      content.onComputeThread.integers = own
      return buffer
    // The elements stay rounded: what is added to them does not depend on whether somebody has read them.
    case .rounded(let own): return own.inFloats
    case .deferred(let deferred) where deferred.mayRound: return elements.inFloats
    case .deferred(let deferred):
      let buffer = untraced(deferred.compute)
      content.onComputeThread.value = .ready(buffer)
      return buffer
    }
  }

  /// The same, but rounded numbers as they are: for what takes those as well as floats.
  var elements: Buffer {
    switch content.onComputeThread.value {
    case .rounded(let buffer): return buffer
    case .deferred(let deferred) where deferred.mayRound:
      let buffer = untraced(deferred.compute)
      content.onComputeThread.value = buffer.layout.isOfBFloat16 ? .rounded(buffer) : .ready(buffer)
      return buffer
    default: return buffer
    }
  }

  /// The elements in row-major order.
  var plainBuffer: Buffer {
    let buffer = buffer
    return buffer.layout.isPlain ? buffer : buffer.reordered(to: .plain(shape))
  }

  /// The computation, where it has not been made.
  var deferred: Deferred? {
    if case .deferred(let deferred) = content.onComputeThread.value { deferred } else { nil }
  }
}

extension Deferred {
  /// Whether the elements may come in a lower precision.
  var mayRound: Bool {
    if case .convolution(let expression) = self { expression.mayRound } else { false }
  }

  func compute() -> Buffer {
    switch self {
    case .convolution(let expression): return expression.compute()
    case .batchNormalization(let pass): return pass.result(relu: false)
    case .channelNormalization(let x, let normalization): return normalization.result(x, relu: false)
    case .joinedChannels(let channels): return channels.joined()
    case .rows(let rows): return rows.copied()
    case .sum(let a, let b): return Tensor.sum(a, b, relu: false)
    case .maxPool(let pool): return pool.compute()
    case .dequantization(let weights): return weights.dequantized()
    case .masked(let gradient, let pass):
      // Computed again, which is rarely needed, rather than kept.
      let result = pass.result(relu: true)
      return gradient.buffer.reordered(to: result.layout).masked(byPositive: result)
    }
  }
}
