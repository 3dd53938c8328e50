// A layer of a Keras chain at work.

import AviaryLayers
import AviaryTensors

/// One layer with its activation: [N, C, …] → [N, C', …]. Its cells lie directly below its path.
struct ChainModule: UnaryLayer {
  let layer: ChainLayer
  /// What has weights, or draws random numbers; nil for a mere rearrangement.
  private let core: (any UnaryLayer)?
  private let site = Site()

  /// - Parameter input: what comes in; the layer was checked to take it.
  init(_ layer: ChainLayer, input: ChainShape) {
    self.layer = layer
    core = Self.core(layer.operation, channels: input.channels ?? 1, input)
  }

  /// Those of the layer within, as if they were this one's.
  var children: [Child] { core?.children ?? [Child("site", site)] }

  private static func core(_ operation: ChainOperation, channels: Int, _ input: ChainShape) -> (any UnaryLayer)? {
    switch operation {
    case .dense(let units, let bias): ChannelDense(channels, units, bias: bias)
    case .convolution(let filters, let window, let groups, let bias):
      WindowConvolution(channels, filters, window: window, groups: groups, bias: bias)
    case .depthwiseConvolution(let multiplier, let window, let bias):
      WindowConvolution(channels, channels * multiplier, window: window, groups: channels, bias: bias)
    case .separableConvolution(let filters, let multiplier, let window, let bias):
      SeparableConvolution(channels, filters, multiplier: multiplier, window: window, bias: bias)
    case .transposedConvolution(let filters, let window, let extra, let bias):
      WindowTransposedConvolution(channels, filters, window: window, extra: extra, bias: bias)
    case .batchNormalization(let epsilon, let momentum, _, _):
      BatchNorm(channels, epsilon: epsilon, momentum: momentum)
    case .layerNormalization(let epsilon, _, _): ChannelLayerNorm(channels, epsilon: epsilon)
    case .prelu(let sharesPositions):
      ElementPReLU(shape: sharesPositions ? [channels] : input.all.map { $0 ?? 1 })
    case .embedding(let symbols, let width): TokenEmbedding(symbols, width)
    case .recurrent(let cell): ChainRecurrentLayer(channels, cell, merge: nil)
    case .bidirectional(let cell, let merge): ChainRecurrentLayer(channels, cell, merge: merge)
    case .dropout(let rate): Dropout(rate)
    case .channelDropout(let rate): ChannelDropout(rate)
    case .pool, .globalPool, .flatten, .reshape, .transpose, .repeatVector, .identity, .scaling, .leakyRelu, .elu,
      .relu,
      .zeroPadding, .cropping, .upSampling:
      nil
    }
  }

  func forward(_ x: Tensor) -> Tensor { layer.activation(withoutActivation(x)) }

  func withoutActivation(_ x: Tensor) -> Tensor { core.map { $0(x) } ?? rearranged(x) }

  private func rearranged(_ x: Tensor) -> Tensor {
    let axes = x.rank - 2
    switch layer.operation {
    case .pool(let kind, let window): return pooled(x, kind, window)
    case .globalPool(let kind, let keepsPositions):
      let size = Array(x.shape.dropFirst(2))
      let y = kind == .max ? maxPool(x, kernel: size) : x.mean(over: Array(2..<x.rank), keepingAxes: true)
      return keepsPositions ? y : y.reshaped(to: Array(x.shape.prefix(2)))
    case .scaling(let scale, let offset): return x * scale + offset
    case .flatten(let channelsLast, _): return (channelsLast ? x.channelsLast() : x).flattened()
    case .reshape(let shape): return x.channelsLast().reshaped(to: [x.shape[0]] + sizes(shape, x)).channelsFirst()
    case .transpose(let order): return x.transposed([0] + order.map { $0 + 1 })
    case .repeatVector(let count): return x.reshaped(to: x.shape + [1]).repeated(count, axis: 2)
    case .leakyRelu(let slope): return leakyRelu(x, slope: slope)
    case .elu(let alpha): return elu(x, alpha: alpha)
    case .relu(let maximum, let slope, let threshold): return Self.relu(x, maximum, slope, threshold)
    case .zeroPadding(let amounts):
      return (0..<axes).reduce(x) { $0.padded(axis: $1 + 2, before: amounts[$1][0], after: amounts[$1][1]) }
    case .cropping(let amounts):
      return (0..<axes).reduce(x) { y, axis in
        y.slice(axis: axis + 2, from: amounts[axis][0], to: y.shape[axis + 2] - amounts[axis][1])
      }
    case .upSampling(let size): return (0..<axes).reduce(x) { $0.repeated(size[$1], axis: $1 + 2) }
    default: return x
    }
  }

  /// The open size of a shape, from the number of elements: the batch may be empty of none of them.
  private func sizes(_ shape: [Int], _ x: Tensor) -> [Int] {
    let count = x.shape.dropFirst().reduce(1, *)
    let known = shape.filter { $0 > 0 }.reduce(1, *)
    return shape.map { $0 > 0 ? $0 : count / max(1, known) }
  }

  private func pooled(_ x: Tensor, _ kind: ChainOperation.Pool, _ window: ChainWindow) -> Tensor {
    let places = window.kernel.indices.map { window.placement(axis: $0, size: x.shape[$0 + 2]) }
    let (before, after) = (places.map(\.before), places.map(\.after))
    return kind == .max
      ? maxPool(x, kernel: window.kernel, stride: window.stride, padding: before, endPadding: after)
      : averagePool(
        x, kernel: window.kernel, stride: window.stride, padding: before, endPadding: after, countingPadding: false)
  }

  /// x from the threshold to the maximum, and slope · (x − threshold) below the threshold.
  private static func relu(_ x: Tensor, _ maximum: Float?, _ slope: Float, _ threshold: Float) -> Tensor {
    var y: Tensor
    if threshold == 0 {
      y = slope == 0 ? AviaryTensors.relu(x) : leakyRelu(x, slope: slope)
    } else {
      // 1 above the threshold, else 0; the function jumps there.
      let isAbove = Tensor(x.scalars.map { $0 >= threshold ? 1 : 0 }, shape: x.shape)
      y = x * isAbove + (x - threshold) * (1 - isAbove) * slope
    }
    if let maximum { y = minimum(y, Tensor(maximum)) }
    return y
  }
}
