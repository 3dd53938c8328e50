import AviaryKernels

// Convolutions and linear maps of integers: products of integers are added without rounding, and what follows (scales,
// normalisation, bias, addition, relu) is done once for each result, which is rounded where it is itself wanted in integers.
// Integers have no NaN and no infinity: where an input has them, the floats that the weights stand for take over.

extension ConvolutionExpression {
  /// The result in floats; nil if oneDNN has no such integer convolution, or the input is not finite.
  func quantizedResult() -> Buffer? {
    guard let operation = operation(to: nil, addend: addend == nil ? .none : .floats),
      let input = input(of: operation)
    else { return nil }
    let result = destination(operation.plan.destination)
    operation.run(input, into: result)
    return result
  }

  /// The result in integers; nil if oneDNN has no such integer convolution, or what it is made of is not finite.
  func integers(_ form: QuantizedForm) -> QuantizedBuffer? {
    guard isQuantized else { return nil }
    return labelled {
      if addend == nil {
        guard let operation = operation(to: form, addend: .none), let input = input(of: operation) else { return nil }
        let result = Buffer(operation.plan.destination)
        operation.run(input, into: result)
        return QuantizedBuffer(buffer: result, form: form)
      }
      // First, because computing the input may compute the addend.
      guard let weights = weight.content.onComputeThread.quantized else { return nil }
      guard x.quantized(weights.quantization.input) != nil else { return nil }
      // A float addend makes the sum a float.
      guard let added = addendForm(for: form) else {
        return quantizedResult()?.rounded(form, shape: shape.output)
      }
      guard let operation = operation(to: form, addend: .integers(added)), let input = input(of: operation),
        let hasOrder = self.addend!.quantized(added)?.hasOrder(of: operation.plan.destination)
      else { return nil }
      guard hasOrder else { return quantizedResult()?.rounded(form, shape: shape.output) }
      guard let result = takeAddend(added)?.takeMemory(operation.plan.destination) else { return nil }
      operation.run(input, into: result)
      return QuantizedBuffer(buffer: result, form: form)
    }
  }

  /// The integer format of the addend: its own if it has one, else the one it is deferred for, if nothing else uses it. The
  /// latter is signed, with half of the result's precision, so that sums stay in range.
  private func addendForm(for form: QuantizedForm) -> QuantizedForm? {
    let isAlone = isKnownUniquelyReferenced(&addend!.content)
    switch addend!.content.onComputeThread.value {
    case .quantized(let own): return own.form
    case .deferred(.convolution(let other)) where other.isQuantized && isAlone:
      let isSigned = !other.relu
      return QuantizedForm(scale: isSigned ? 2 * form.scale : form.scale, isSigned: isSigned)
    default: return addend!.content.onComputeThread.integers?.form
    }
  }

  /// The addend's integers, uniquely referenced if nothing else uses them; nil where it is not finite.
  private func takeAddend(_ form: QuantizedForm) -> QuantizedBuffer? {
    guard let integers = addend!.quantized(form) else { return nil }
    if isKnownUniquelyReferenced(&addend!.content) {
      addend!.content.onComputeThread.value = .ready(.empty)
      addend!.content.onComputeThread.integers = nil
    }
    return integers
  }

  private func operation(
    to destination: QuantizedForm?, addend: QuantizedRequest.Addend
  ) -> QuantizedOperation.Ready? {
    guard let weights = weight.content.onComputeThread.quantized else { return nil }
    let source = weights.quantization.input
    let folded = (normalization?.contents ?? []) + (bias.map { [$0.content] } ?? [])
    let request = QuantizedRequest(
      geometry: .convolution(shape), destination: destination, addend: addend, relu: relu,
      folded: folded.map(ObjectIdentifier.init), epsilon: normalization?.epsilon ?? 0, threads: Compute.threads)
    let operation = weights.operation(request) {
      let (scales, offsets) = channels(weights.quantization.scales)
      var operands = QuantizedOperands(
        source: source, destination: destination, relu: relu, weights: scales, bias: offsets)
      if addend != .none { operands.adds = true }
      if case .integers(let form) = addend { operands.addend = form }
      let ready = shape.quantized(operands).map { plan in
        QuantizedOperation.Ready(
          plan: plan, input: source, weights: weights.weights(for: plan) { shape.prepared(weights.values, for: plan) })
      }
      return QuantizedOperation(ready: ready, keptAlive: folded)
    }
    return operation.ready
  }

  private func input(of operation: QuantizedOperation.Ready) -> Buffer? {
    x.quantized(operation.input)?.buffer.reordered(to: operation.plan.source)
  }

  /// Scales and offsets of the output channels with the normalisation folded in, which leaves the integers as they are.
  private func channels(_ scales: [Float]) -> (scales: [Float], offsets: [Float]?) {
    guard let normalization else { return (scales, bias?.scalars) }
    return untraced {
      let (factor, offset) = normalization.affine()
      let factors = factor.scalars
      let offsets = bias.map { ($0.detached() * factor + offset).scalars } ?? offset.scalars
      return (zip(scales, factors).map { $0 * $1 }, offsets)
    }
  }
}

/// x·Wᵀ + b computed in integers, as floats: [rows, outputs]; nil if oneDNN has no such product, or x is not finite.
func quantizedLinear(_ x: Tensor, _ shape: LinearShape, weight: Tensor, bias: Tensor?) -> Buffer? {
  guard let weights = weight.content.onComputeThread.quantized else { return nil }
  let folded = bias.map { [$0.content] } ?? []
  let request = QuantizedRequest(
    geometry: .linear(shape), destination: nil, addend: .none, relu: false, folded: folded.map(ObjectIdentifier.init),
    epsilon: 0, threads: Compute.threads)
  let source = weights.quantization.input
  let operation = weights.operation(request) {
    let operands = QuantizedOperands(
      source: source, destination: nil, weights: weights.quantization.scales, bias: bias?.scalars)
    let ready = shape.quantized(operands).map { plan in
      QuantizedOperation.Ready(
        plan: plan, input: source, weights: weights.weights(for: plan) { shape.prepared(weights.values, for: plan) })
    }
    return QuantizedOperation(ready: ready, keptAlive: folded)
  }
  guard let ready = operation.ready else { return nil }
  let rows = x.rank == 2 ? x : x.reshaped(to: [shape.rows, shape.inputs])
  guard let integers = rows.quantized(source) else { return nil }
  let y = Buffer(ready.plan.destination)
  ready.run(integers.buffer.reordered(to: ready.plan.source), into: y)
  return y
}

extension QuantizedOperation.Ready {
  fileprivate func run(_ input: Buffer, into destination: Buffer) {
    plan.forward(source: input, weights: weights, bias: nil, into: destination)
  }
}

extension Tensor {
  /// Whether the tensor is, or will be, computed in integers, so that a pooling of it can be deferred, too.
  var awaitsIntegers: Bool {
    switch content.onComputeThread.value {
    case .quantized, .deferred(.maxPool): true
    case .deferred(.convolution(let convolution)): convolution.isQuantized
    default: false
    }
  }
}
