import AviaryDiagnostics
import AviaryKernels

/// Batch normalisation by the statistics of the batch (Ioffe & Szegedy, 2015): [N, C, …] → [N, C, …].
///
/// (x − mean) / √(variance + ε) · scale + shift, with the mean and (biased) variance of each channel over all other axes.
///
/// - Parameters:
///   - scale, shift: [C].
///   - observe: called once with the mean and the unbiased variance, both [C], before the next operation of the pass.
public func batchNormalization(
  _ x: Tensor, scale: Tensor, shift: Tensor, epsilon: Float, observe: @escaping (Tensor, Tensor) -> Void = { _, _ in }
) -> Tensor {
  checkNormalization(x, scale: scale, shift: shift)
  // Of a batch that several processes have, one value may be here: the whole has more.
  ensure(
    x.count > x.shape[1] || normalizesTogether,
    "batch normalisation in training needs more than one value for each channel, not \(x.shape)")
  return operation {
    let pass = BatchNormalizationPass(x: x, scale: scale, shift: shift, epsilon: epsilon, observe: observe)
    let y = Tensor(.batchNormalization(pass), shape: x.shape)
    pass.result = y.content
    Pass.current.onComputeThread.pending = pass
    return recorded(
      y, as: .init("batchNormalization", .batchNormalization(epsilon: epsilon, isTraining: true)), from: x, scale, shift
    ) { dy, cotangents in pass.pullback(dy, &cotangents) }
  }
}

/// Batch normalisation by given statistics: (x − mean) / √(variance + ε) · scale + shift for each channel of
/// [N, C, …]. Everything else is [C].
public func batchNormalization(
  _ x: Tensor, mean: Tensor, variance: Tensor, scale: Tensor, shift: Tensor, epsilon: Float
) -> Tensor {
  checkNormalization(x, scale: scale, shift: shift)
  ensure(
    mean.shape == scale.shape && variance.shape == scale.shape,
    "batch normalisation: input \(x.shape) does not go with mean \(mean.shape) and variance \(variance.shape)")
  let normalization = ChannelNormalization(
    mean: mean, variance: variance, scale: scale, shift: shift, epsilon: epsilon)
  let perChannel = [x.shape[1]] + Array(repeating: 1, count: x.rank - 2)
  func description() -> OperationDescription {
    .init("batchNormalization", .batchNormalization(epsilon: epsilon, isTraining: false))
  }
  return operation {
    let isTracked = scale.isTracked || shift.isTracked
    if !isTracked, case .convolution(let convolution)? = x.deferred, convolution.isBare,
      convolution.normalization == nil
    {
      let folded = convolution.copy()
      folded.normalization = normalization
      return recorded(
        Tensor(.convolution(folded), shape: x.shape), as: description(), from: x, mean, variance, scale, shift
      ) { [x = x.operand] dy, cotangents in
        cotangents.add(dy * normalization.affine().factor.reshaped(to: perChannel), to: x)
      }
    }
    if !isTracked {
      return recorded(
        Tensor(.channelNormalization(x.detached(), normalization), shape: x.shape), as: description(),
        from: x, mean, variance, scale, shift
      ) { [x = x.operand] dy, cotangents in
        cotangents.add(dy * normalization.affine().factor.reshaped(to: perChannel), to: x)
      }
    }
    return composed(description(), from: [x, mean, variance, scale, shift]) {
      let (factor, offset) = normalization.affine()
      return x * factor.reshaped(to: perChannel) + offset.reshaped(to: perChannel)
    }
  }
}

/// Whether batch normalisation normalises by the statistics of a batch that several processes have.
package var normalizesTogether: Bool {
  Compute.isCurrent && Pass.current.onComputeThread.share?.sum != nil
}

private func checkNormalization(_ x: Tensor, scale: Tensor, shift: Tensor) {
  ensure(
    x.rank >= 2 && scale.shape == [x.shape[1]] && shift.shape == scale.shape,
    "batch normalisation: input \(x.shape) does not go with scale \(scale.shape) and shift \(shift.shape)")
}

/// What batch normalisation by fixed statistics does to a channel: (x − mean) / √(variance + ε) · scale + shift.
struct ChannelNormalization {
  let mean: Tensor
  let variance: Tensor
  let scale: Tensor
  let shift: Tensor
  let epsilon: Float

  /// The same as x · factor + offset; both [C].
  func affine() -> (factor: Tensor, offset: Tensor) {
    let factor = scale / squareRoot(variance + epsilon)
    return (factor, shift - mean * factor)
  }

  var contents: [Confined<TensorContent>] {
    [mean.content, variance.content, scale.content, shift.content]
  }

  /// x · factor + offset as one pass over the elements, with the relu of it or without.
  func result(_ x: Tensor, relu: Bool) -> Buffer {
    let (factors, offsets) = preparedAffine()
    if case .joinedChannels(let channels)? = x.deferred {
      return channels.normalized(factors: factors, offsets: offsets, relu: relu)
    }
    if let y = x.buffer.normalizedChannels(factors: factors, offsets: offsets, relu: relu) { return y }
    return x.plainBuffer.normalizedChannels(factors: factors, offsets: offsets, relu: relu)!
  }

  /// Factor and offset, which stay prepared as long as what they are made of.
  private func preparedAffine() -> (factors: Buffer, offsets: Buffer) {
    let parts = contents
    let key = Preparation(layout: .plain(scale.shape), folded: parts.map(ObjectIdentifier.init), epsilon: epsilon)
    if let found = scale.content.onComputeThread.prepared[key], let offsets = found.bias {
      return (found.weights, offsets)
    }
    let (factor, offset) = affine()
    let prepared = Prepared(
      weights: factor.plainBuffer, bias: offset.plainBuffer, keptAlive: parts.filter { $0 !== scale.content })
    // Of one set of statistics at a time: frozen scales outlive many.
    scale.content.onComputeThread.prepared = [key: prepared]
    return (prepared.weights, offset.plainBuffer)
  }
}

/// One batch normalisation in training: it waits for a relu that it may absorb, and keeps what its
/// backward pass needs.
final class BatchNormalizationPass {
  private let x: Tensor
  private let scale: Tensor
  private let shift: Tensor
  private let epsilon: Float
  private let observe: (Tensor, Tensor) -> Void
  private let label: Profile.Label?
  private var statistics: BatchNormalization.Statistics?
  /// Where several processes normalise one batch: this one's part in it, and how many values all have for each channel.
  private let share: PassShare?
  private var total = 0.0
  /// Where the result goes, if it is still referenced.
  weak var result: Confined<TensorContent>?

  init(x: Tensor, scale: Tensor, shift: Tensor, epsilon: Float, observe: @escaping (Tensor, Tensor) -> Void) {
    self.x = x
    self.scale = scale
    self.shift = shift
    self.epsilon = epsilon
    self.observe = observe
    label = Profile.isOn ? Profile.label(of: "batchNormalization") : nil
    share = Pass.current.onComputeThread.share.flatMap { $0.sum == nil ? nil : $0 }
  }

  private var input: Buffer {
    let present = x.buffer
    return BatchNormalization.takes(present.layout) ? present : x.plainBuffer
  }

  private func kernel(_ layout: Layout, relu: Bool) -> BatchNormalization {
    BatchNormalization(layout: layout, channels: x.shape[1], epsilon: epsilon, relu: relu)
  }

  /// The normalisation without a relu, because something else came next.
  func runPending() {
    let y = result(relu: false)
    result?.onComputeThread.value = .ready(y)
  }

  /// The result; on the first call the statistics are observed.
  func result(relu: Bool) -> Buffer {
    guard let label else { return compute(relu: relu) }
    return Profile.labelled(label) { compute(relu: relu) }
  }

  private func compute(relu: Bool) -> Buffer {
    let input = input
    let channels = x.shape[1]
    let kernel = kernel(input.layout, relu: relu)
    var moments = statistics.map { ($0.mean, $0.variance) }
    if moments == nil, let share, let sum = share.sum {
      (moments, total) = BatchNormalization.moments(
        kernel.moments(of: input), count: share.isStandIn ? 0 : x.count / channels, sum)
    }
    let (y, found) = kernel.forward(input, scale: scale.plainBuffer, shift: shift.plainBuffer, moments: moments)
    if statistics == nil {
      statistics = found
      let count = share == nil ? Float(x.count / channels) : Float(total)
      untraced {
        observe(
          Tensor(found.mean, shape: [channels]),
          Tensor(found.variance.scaled(by: count / (count - 1)), shape: [channels]))
      }
    }
    return y
  }

  func pullback(_ dy: Tensor, _ cotangents: inout Cotangents) {
    let input = input
    var gradient = dy
    var relu = false
    // The relu that is a part of this pass has left its gradient to be masked here.
    if case .masked(let unmasked, let pass)? = dy.deferred, pass === self {
      gradient = unmasked
      relu = true
    }
    let (dx, dScale, dShift) = kernel(input.layout, relu: relu).backward(
      gradient.buffer.reordered(to: input.layout), x: input, scale: scale.plainBuffer, shift: shift.plainBuffer,
      statistics: statistics!)
    cotangents.add(
      share.map { corrected(dx, input, dScale, dShift, $0) } ?? Tensor(dx, shape: x.shape), to: x)
    cotangents.add(Tensor(dScale, shape: scale.shape), to: scale)
    cotangents.add(Tensor(dShift, shape: shift.shape), to: shift)
  }

  /// The gradient of x, of which the kernel has taken off the means over the items that are here, and not those over the
  /// whole batch: dx + factor · (a − A + x̂ · (b − B)), a and b being the means of dy and dy · x̂ that were taken off, A and B
  /// those of all, and x̂ = (x − mean) / √(variance + ε). The difference is a factor and an offset for each channel.
  private func corrected(
    _ dx: Buffer, _ input: Buffer, _ dScale: Buffer,
    _ dShift: Buffer, _ share: PassShare
  ) -> Tensor {
    guard let sum = share.sum, let statistics else { return Tensor(dx, shape: x.shape) }
    let channels = x.shape[1]
    let own = (dShift.scalars(count: channels) + dScale.scalars(count: channels)).map { Double($0) }
    let all = sum(share.isStandIn ? own.map { _ in 0 } : own)
    let count = Double(x.count / channels)
    let scales = scale.scalars
    let (mean, variance) = (statistics.mean.scalars(count: channels), statistics.variance.scalars(count: channels))
    var (factors, offsets): ([Float], [Float]) = ([], [])
    for channel in 0..<channels {
      let inverse = 1 / (Double(variance[channel]) + Double(epsilon)).squareRoot()
      let slope = Double(scales[channel]) * inverse
      let shifts = own[channel] / count - all[channel] / total
      let tilts = own[channels + channel] / count - all[channels + channel] / total
      factors.append(Float(slope * inverse * tilts))
      offsets.append(Float(slope * (shifts - inverse * tilts * Double(mean[channel]))))
    }
    let (factor, offset) = (Buffer(factors, shape: [channels]), Buffer(offsets, shape: [channels]))
    let difference =
      input.normalizedChannels(factors: factor, offsets: offset, relu: false)
      ?? input.reordered(to: input.layout.plain).normalizedChannels(factors: factor, offsets: offset, relu: false)!
    return Tensor(
      Tensor.sum(Tensor(dx, shape: x.shape), Tensor(difference, shape: x.shape), relu: false), shape: x.shape)
  }
}
