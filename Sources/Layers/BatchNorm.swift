import AviaryDiagnostics
import AviaryTensors

/// Batch normalisation (Ioffe & Szegedy, 2015) of [N, C, …] → [N, C, …]: PyTorch's `nn.BatchNorm1d`, `2d` and `3d`; with
/// the channels at another axis, [N, …, C] → [N, …, C], Keras's.
///
/// In training it normalises each channel by the batch and updates its running statistics: `running = (1 − momentum) ·
/// running + momentum · batch`, the variance being unbiased. In inference, and when frozen, it normalises by the
/// running statistics.
public struct BatchNorm: UnaryLayer {
  /// [C], as is everything below.
  public let weight: Parameter
  /// [C]
  public let bias: Parameter
  /// [C]: the mean of each channel over past batches.
  public let runningMean: Buffer
  /// [C]: the variance of each channel over past batches.
  public let runningVar: Buffer
  /// How many batches the statistics come from.
  public let numBatchesTracked: Counter
  /// Added to the variance.
  public let epsilon: Setting
  /// The share of each batch in the running statistics, as PyTorch counts it; Keras's is 1 − this.
  public let momentum: Setting
  private let axis: Int

  /// - Parameter axis: where the channels are: 1, or -1 for [N, …, C].
  public init(_ channels: Int, axis: Int = 1, epsilon: Float = 1e-5, momentum: Float = 0.1) {
    self.axis = axis
    weight = Parameter(shape: [channels], initializer: .ones)
    bias = Parameter(shape: [channels], initializer: .zeros)
    runningMean = Buffer(shape: [channels], startingAt: 0)
    runningVar = Buffer(shape: [channels], startingAt: 1)
    numBatchesTracked = Counter()
    self.epsilon = .epsilon(epsilon)
    self.momentum = Setting(momentum, allowed: 0...1)
  }

  public func forward(_ x: Tensor) -> Tensor {
    ensure(
      x.rank >= 2 && x.hasExtent(weight.shape[0], along: axis),
      "\(weight.layerPath): BatchNorm: input \(x.shape) does not go with weight \(weight.shape)")
    return withChannels(axis, at: 1, of: x, normalized)
  }

  /// [N, C, …] → [N, C, …]
  private func normalized(_ x: Tensor) -> Tensor {
    guard currentMode == .training, !runningMean.isFrozen else {
      return batchNormalization(
        x, mean: runningMean.tensor, variance: runningVar.tensor, scale: weight.tensor, shift: bias.tensor,
        epsilon: epsilon.value)
    }
    ensure(
      x.count > x.shape[1] || normalizesTogether,
      "\(weight.layerPath): BatchNorm: training needs more than one value for each channel, not \(x.shape)")
    let momentum = momentum.value
    return batchNormalization(x, scale: weight.tensor, shift: bias.tensor, epsilon: epsilon.value) { mean, variance in
      runningMean.assign(runningMean.tensor * (1 - momentum) + mean * momentum)
      runningVar.assign(runningVar.tensor * (1 - momentum) + variance * momentum)
      numBatchesTracked.value += 1
    }
  }
}

/// Batch normalisation, under the name that PyTorch has for it on [N, C, L].
public typealias BatchNorm1d = BatchNorm
/// Batch normalisation, under the name that PyTorch has for it on [N, C, H, W].
public typealias BatchNorm2d = BatchNorm
/// Batch normalisation, under the name that PyTorch has for it on [N, C, D, H, W].
public typealias BatchNorm3d = BatchNorm
