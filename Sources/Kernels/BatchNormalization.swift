import AviaryDiagnostics
import CKernels
import COneDNN

/// Batch normalisation over [N, C, …] by the statistics of the batch itself.
package struct BatchNormalization: Hashable, Sendable {
  package let layout: Layout
  package let channels: Int
  package let epsilon: Float
  /// A relu is part of it; the backward pass then needs the mask that the forward pass leaves.
  package let relu: Bool

  package init(layout: Layout, channels: Int, epsilon: Float, relu: Bool) {
    self.layout = layout
    self.channels = channels
    self.epsilon = epsilon
    self.relu = relu
  }

  /// Mean and variance of each channel, [C].
  package typealias Moments = (mean: Buffer, variance: Buffer)

  /// What the backward pass needs of the forward pass.
  package struct Statistics: Sendable {
    package let mean: Buffer
    /// Divided by the count, not by one less.
    package let variance: Buffer
    let mask: Storage?
    /// Whether the relu was left to a kernel of its own, because oneDNN's would take NaN for zero.
    let isApart: Bool
  }

  private func plan(_ kind: ad_kind, relu: Bool) -> Plan {
    var request = ad_request(kind, flags: Int32(AD_TRAINING.rawValue))
    if relu { request.flags |= Int32(AD_RELU.rawValue) }
    request.source = layout.id
    request.epsilon = epsilon
    return .required(request, "batch normalisation")
  }

  /// Whether the channels lie as the statistics take them.
  package static func takes(_ layout: Layout) -> Bool { layout.channels != nil }

  /// Mean and variance of each channel over everything else: the same for any number of threads, as oneDNN's are not. A
  /// last bit here decides on which side of zero a relu's operand lies, and gradients differ by far more than rounding.
  package func moments(of x: Buffer) -> Moments {
    guard let shape = layout.channels else {
      stopProgram("batch normalisation: the memory layout of the input is not supported")
    }
    let (mean, variance) = (Buffer(.plain([channels])), Buffer(.plain([channels])))
    let scratch = Storage(byteCount: 8 * ak_channel_statistics_scratch(shape))
    kernel("batch statistics", layout, floats: x.count) {
      unsafe ak_channel_statistics(
        shape, x.floats, mean.floats, variance.floats, scratch.address.assumingMemoryBound(to: Double.self))
    }
    return (mean, variance)
  }

  /// - Parameter moments: those of a larger batch that x is a part of; nil for x's own.
  package func forward(
    _ x: Buffer, scale: Buffer, shift: Buffer, moments: Moments? = nil
  ) -> (y: Buffer, statistics: Statistics) {
    let y = Buffer(layout)
    let (mean, variance) = moments ?? self.moments(of: x)
    // An input that is not finite shows in its channel's statistics.
    let isApart = relu && ![mean, variance, scale, shift].allSatisfy(\.isFinite)
    let plan = plan(AD_BATCH_NORM_FORWARD, relu: relu && !isApart)
    let statistics = Statistics(
      mean: mean, variance: variance,
      mask: plan.workspaceBytes > 0 ? Storage(byteCount: plan.workspaceBytes) : nil, isApart: isApart)
    unsafe plan.execute { buffers in
      unsafe buffers.source = x.address
      unsafe buffers.destination = y.address
      unsafe buffers.scale = scale.address
      unsafe buffers.shift = shift.address
      unsafe buffers.mean = statistics.mean.address
      unsafe buffers.variance = statistics.variance.address
      unsafe buffers.workspace = statistics.mask?.address
    }
    return (isApart ? y.relu() : y, statistics)
  }

  package func backward(
    _ gradient: Buffer, x: Buffer, scale: Buffer, shift: Buffer, statistics: Statistics
  ) -> (x: Buffer, scale: Buffer, shift: Buffer) {
    let result = (Buffer(layout), Buffer(.plain([channels])), Buffer(.plain([channels])))
    let gradient =
      statistics.isApart
      ? gradient.masked(
        byPositive: forward(x, scale: scale, shift: shift, moments: (statistics.mean, statistics.variance)).y)
      : gradient
    unsafe plan(AD_BATCH_NORM_BACKWARD, relu: relu && !statistics.isApart).execute { buffers in
      unsafe buffers.source = x.address
      unsafe buffers.destination_gradient = gradient.address
      unsafe buffers.scale = scale.address
      unsafe buffers.mean = statistics.mean.address
      unsafe buffers.variance = statistics.variance.address
      unsafe buffers.workspace = statistics.mask?.address
      unsafe buffers.source_gradient = result.0.address
      unsafe buffers.scale_gradient = result.1.address
      unsafe buffers.shift_gradient = result.2.address
    }
    return result
  }
}
