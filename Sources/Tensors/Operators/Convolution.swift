import AviaryDiagnostics
import AviaryKernels

/// Convolution (cross-correlation, as everywhere in deep learning) of [N, C, …] by [O, C / groups, …] → [N, O, …], over
/// one to three spatial axes.
///
/// - Parameters:
///   - bias: [O], added to every position.
///   - stride, padding, dilation: one number for each spatial axis. The padding is zeros, on both sides.
///   - endPadding: the zeros at the end of each axis, if they differ from those at the beginning.
///   - groups: the number of groups that input and output channels are split into; each group is convolved separately.
public func convolution(
  _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: [Int], padding: [Int], endPadding: [Int]? = nil,
  dilation: [Int], groups: Int = 1
) -> Tensor {
  let axes = x.rank - 2
  let endPadding = endPadding ?? padding
  ensure(
    (1...3).contains(axes) && weight.rank == x.rank && stride.count == axes && padding.count == axes
      && endPadding.count == axes && dilation.count == axes && groups >= 1 && x.shape[1] == weight.shape[1] * groups
      && weight.shape[0] % groups == 0 && (bias.map { $0.shape == [weight.shape[0]] } ?? true),
    "convolution: input \(x.shape) does not go with weight \(weight.shape), bias \(bias?.shape ?? []), groups \(groups)"
  )
  ensure(
    stride.allSatisfy { $0 > 0 } && dilation.allSatisfy { $0 > 0 } && (padding + endPadding).allSatisfy { $0 >= 0 },
    "convolution: no window slides with stride \(stride), padding \(padding), dilation \(dilation)")
  ensure(
    !x.shape.dropFirst().contains(0) && weight.count > 0,
    "convolution: input \(x.shape) or weight \(weight.shape) is empty")
  let shape = ConvolutionShape(
    input: x.shape, weights: weight.shape,
    window: Window(
      kernel: Array(weight.shape.dropFirst(2)), stride: stride, dilation: dilation, paddingLow: padding,
      paddingHigh: endPadding), groups: groups, hasBias: bias != nil)
  ensure(
    !shape.output.dropFirst().contains { $0 <= 0 },
    "convolution: input \(x.shape) is smaller than the window of weight \(weight.shape)")
  if x.count == 0 { return emptyResult(shape.output, from: x, weight, bias) }
  return operation {
    let calibration = Pass.current.onComputeThread.calibration
    calibration?.observe(x, of: weight)
    let shape = shape.inCurrentPrecision
    let expression = ConvolutionExpression(shape: shape, x: x, weight: weight, bias: bias)
    expression.isQuantized = weight.runsQuantized
    if x.isTracked || weight.isTracked || (bias?.isTracked ?? false) { expression.pass = .training }
    return recorded(
      Tensor(.convolution(expression), shape: shape.output),
      as: .init("convolution", .window(shape.window, groups: groups)), from: x, weight, bias
    ) { dy, cotangents in
      shape.pullback(dy, x: x, weight: weight, bias: bias, &cotangents)
    }
  }
}

extension ConvolutionShape {
  /// The same in the precision of the pass that runs now.
  var inCurrentPrecision: ConvolutionShape {
    var shape = self
    shape.precision = Compute.precision
    return shape
  }

  fileprivate func pullback(
    _ dy: Tensor, x: Tensor, weight: Tensor, bias: Tensor?, _ cotangents: inout Cotangents
  ) {
    let gradient = dy.buffer
    let input = x.buffer
    // As the first of the two takes it, and often the second, too.
    var arranged = gradient
    if cotangents.wants(x) {
      let plan = backwardData(source: input.layout)
      let weights = weight.prepared(for: plan.weights, shape: self)
      arranged = gradient.reordered(to: plan.destination)
      let dx = plan.backwardData(gradient: arranged, weights: weights)
      cotangents.add(Tensor(dx, shape: x.shape), to: x)
    }
    if cotangents.wants(weight) || bias.map(cotangents.wants) ?? false {
      let plan = backwardWeights(source: input.layout)
      let (dw, db) = plan.backwardWeights(
        source: precision == .float32
          ? input.reordered(to: plan.source) : x.rearranged(to: plan.source, keeping: false),
        gradient: arranged.layout == plan.destination ? arranged : gradient.reordered(to: plan.destination),
        bias: hasBias ? plan.bias : nil)
      let gradient = groups == 1 ? dw : ungrouped(dw.reordered(to: plainWeights))
      cotangents.add(Tensor(gradient, shape: weight.shape), to: weight)
      if let bias, let db { cotangents.add(Tensor(db, shape: bias.shape), to: bias) }
    }
  }
}

extension Tensor {
  /// The elements in a layout, from those that were kept or new.
  ///
  /// - Parameter keeping: whether to keep them for as long as the elements stay.
  fileprivate func rearranged(to layout: Layout, keeping: Bool) -> Buffer {
    let present = elements
    if present.layout == layout { return present }
    let key = Preparation(layout: layout, folded: [])
    if let found = content.onComputeThread.prepared[key] { return found.weights }
    let result = present.reordered(to: layout)
    if keeping { content.onComputeThread.prepared[key] = Prepared(weights: result, bias: nil, keptAlive: []) }
    return result
  }

  /// Weights in the layout that a plan wants, kept for as long as the weights stay.
  func prepared(for layout: Layout, shape: ConvolutionShape) -> Buffer {
    let present = buffer
    if present.layout == layout { return present }
    let key = Preparation(layout: layout, folded: [])
    if let found = content.onComputeThread.prepared[key] { return found.weights }
    let weights = shape.arranged(shape.groups == 1 ? present : shape.grouped(plainBuffer), as: layout)
    content.onComputeThread.prepared[key] = Prepared(weights: weights, bias: nil, keptAlive: [])
    return weights
  }
}

/// A deferred convolution and what was fused into it: relu?(normalisation(convolution) + addend), or
/// activation(normalisation(convolution)).
final class ConvolutionExpression {
  let shape: ConvolutionShape
  let x: Tensor
  let weight: Tensor
  let bias: Tensor?
  var normalization: ChannelNormalization?
  var addend: Tensor?
  var relu = false
  /// In inference and in floats only, and with neither an addend nor a relu.
  private var activation: FusedActivation?
  /// The addend, where it is not finite and the relu is fused.
  private var keptAddend: Buffer?
  /// Whether it is computed with 8-bit integers.
  var isQuantized = false
  var pass: ConvolutionPass = Pass.current.onComputeThread.weightsStay ? .repeatedInference : .inference
  /// While profiling: the layer that the convolution belongs to, whatever was fused into it since.
  private var label = Profile.isOn ? Profile.label(of: "convolution") : nil

  init(shape: ConvolutionShape, x: Tensor, weight: Tensor, bias: Tensor?) {
    self.shape = shape
    self.x = x
    self.weight = weight
    self.bias = bias
  }

  /// After an addition only a relu can still be fused, and after an activation nothing.
  var isBare: Bool { addend == nil && takesRelu }
  var takesRelu: Bool { !relu && activation == nil }

  /// The same that ends with an activation; nil where no convolution does.
  func ending(with function: ElementFunction) -> ConvolutionExpression? {
    guard isBare, pass != .training, !isQuantized, let activation = FusedActivation(function) else { return nil }
    let fused = copy()
    fused.activation = activation
    return fused
  }

  func copy() -> ConvolutionExpression {
    let copy = ConvolutionExpression(shape: shape, x: x, weight: weight, bias: bias)
    copy.normalization = normalization
    copy.addend = addend
    copy.relu = relu
    copy.activation = activation
    copy.pass = pass
    copy.isQuantized = isQuantized
    copy.label = label
    return copy
  }

  func compute() -> Buffer { labelled { isQuantized ? quantizedResult() ?? result() : result() } }

  /// Runs `body` for the layer that the convolution belongs to.
  func labelled<Result>(_ body: () -> Result) -> Result {
    guard let label else { return body() }
    return Profile.labelled(label, body)
  }

  /// Whether the result may come rounded: in inference by products of a lower precision, as the next of those takes it.
  var mayRound: Bool { shape.precision != .float32 && pass != .training }

  /// What comes in, in the precision of the products where it is rounded to that already.
  private var input: Buffer { shape.precision == .float32 ? x.buffer : x.elements }

  /// What the result is rounded to: it is not where it is added to floats.
  private var resultPrecision: Precision {
    guard mayRound, addend.map({ $0.elements.layout.isOfBFloat16 }) ?? true else { return .float32 }
    return shape.precision
  }

  /// The geometry of the fused convolution.
  private var fusedShape: ConvolutionShape {
    var fused = shape
    fused.hasBias = bias != nil || normalization != nil
    return fused
  }

  /// The pooled result, without materialising the convolution; nil if that does not pay or is not available.
  func pooled(by pooling: Pooling) -> Buffer? {
    guard pass != .training, addend == nil, activation == nil, !isQuantized,
      let both = PooledConvolution(fusedShape, pooling, source: x.buffer.layout, pass: pass, relu: relu)
    else { return nil }
    let (weights, bias) = operands(layout: both.weights)
    let input = x.buffer.reordered(to: both.source)
    let y = sureOfNumbers { both(input, weights: weights, bias: bias, convolving: { labelled($0) }) }
    // Windows of nothing but −infinity are the pooling's to mend, too.
    return y.flatMap { $0.hasLowest ? nil : $0 }
  }

  private func result() -> Buffer {
    if let activation { return activated(activation) }
    let input = input
    let shape = fusedShape
    let plan = shape.forward(
      source: input.layout, pass: pass, relu: relu, add: addend != nil, result: resultPrecision)
    let (weights, biasBuffer) = operands(layout: plan.weights)
    // What was computed and rounded is kept for the gradient of the weights, which takes it so, too.
    let source =
      mayRound || shape.precision == .float32
      ? input.reordered(to: plan.source) : x.rearranged(to: plan.source, keeping: x.isTracked)
    let destination = destination(plan.destination)
    plan.forward(source: source, weights: weights, bias: biasBuffer, into: destination)
    if relu && tookInvalid() {
      // In floats, and back: they are rounded already.
      let floats = mayRound ? destination.inFloats : destination
      restoreNaN(in: floats)
      if mayRound { floats.reorder(into: destination) }
    }
    keptAddend = nil
    return destination
  }

  /// A result in which nothing was dropped since it was not a number; nil where that is not sure. What replaces it is
  /// rounded otherwise, and the flag may have been left by other work: then the result is computed once more, so that it
  /// does not depend on what ran before.
  private func sureOfNumbers(_ result: () -> Buffer) -> Buffer? {
    let first = result()
    if !tookInvalid() { return first }
    let second = result()
    return tookInvalid() ? nil : second
  }

  private func activated(_ activation: FusedActivation) -> Buffer {
    let input = input
    if let plan = fusedShape.forward(source: input.layout, pass: pass, activation: activation, result: resultPrecision)
    {
      let (weights, bias) = operands(layout: plan.weights)
      let source = input.reordered(to: plan.source)
      // oneDNN's activations drop what is not a number, and take other limits at infinity: then one after the other.
      let y = sureOfNumbers {
        let y = Buffer(plan.destination)
        plan.forward(source: source, weights: weights, bias: bias, into: y)
        return y
      }
      if let y { return y }
    }
    let plan = fusedShape.forward(source: input.layout, pass: pass, relu: false, add: false)
    let (weights, bias) = operands(layout: plan.weights)
    let bare = Buffer(plan.destination)
    plan.forward(source: input.reordered(to: plan.source), weights: weights, bias: bias, into: bare)
    return activation.function(bare)
  }

  /// What is not a number, which oneDNN's relu takes for zero: the convolution again, without the relu. Its addend was
  /// finite, or is still there.
  private func restoreNaN(in result: Buffer) {
    let input = input
    let plan = fusedShape.forward(source: input.layout, pass: pass, relu: false, add: false, algorithm: .direct)
    let (weights, bias) = operands(layout: plan.weights)
    let bare = Buffer(plan.destination)
    plan.forward(source: input.reordered(to: plan.source), weights: weights, bias: bias, into: bare)
    let sum = bare.reordered(to: result.layout)
    guard let kept = keptAddend else { return result.restoreNaN(of: sum) }
    result.restoreNaN(of: sum.adding(kept.reordered(to: result.layout), relu: false))
  }

  /// Memory for the result, holding the addend if there is one: the addend's own memory if nothing else uses it.
  func destination(_ layout: Layout) -> Buffer {
    guard addend != nil else { return Buffer(layout) }
    if relu && !addend!.elements.isFinite {
      let kept = addend!.elements
      keptAddend = kept
      let copy = Buffer(layout)
      kept.reorder(into: copy)
      return copy
    }
    // Nothing here may retain the addend during the uniqueness check.
    if addend!.elements.layout == layout, isKnownUniquelyReferenced(&addend!.content),
      let own = addend!.content.onComputeThread.takeAlone(layout)
    {
      return own
    }
    let copy = Buffer(layout)
    addend!.elements.reorder(into: copy)
    return copy
  }

  /// Weights and bias as the plan wants them, with the normalisation folded in.
  private func operands(layout: Layout) -> (Buffer, Buffer?) {
    guard let normalization else { return (weight.prepared(for: layout, shape: shape), bias?.plainBuffer) }
    return untraced { folded(normalization, layout: layout) }
  }

  private func folded(_ normalization: ChannelNormalization, layout: Layout) -> (Buffer, Buffer?) {
    let parts = normalization.contents + (bias.map { [$0.content] } ?? [])
    let key = Preparation(layout: layout, folded: parts.map(ObjectIdentifier.init), epsilon: normalization.epsilon)
    if let found = weight.content.onComputeThread.prepared[key] { return (found.weights, found.bias) }
    let (factor, offset) = normalization.affine()
    let channels = shape.weights[0]
    let perFilter = factor.reshaped(to: [channels] + Array(repeating: 1, count: weight.rank - 1))
    let folded = (weight.detached() * perFilter).plainBuffer
    let foldedBias = bias.map { $0.detached() * factor + offset } ?? offset
    let prepared = Prepared(
      weights: shape.arranged(shape.grouped(folded), as: layout), bias: foldedBias.plainBuffer, keptAlive: parts)
    // Frozen weights outlive many statistics: those folded in before are not asked for again.
    weight.content.onComputeThread.prepared = weight.content.onComputeThread.prepared.filter {
      $0.key.folded.isEmpty || $0.key.layout != layout
    }
    weight.content.onComputeThread.prepared[key] = prepared
    return (prepared.weights, prepared.bias)
  }
}
