// The layers of a Keras chain that have weights, as Keras computes them on [N, C, …].

import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// The axes of [N, C, …] in another order: channels last, and back.
extension Tensor {
  /// [N, C, …] → [N, …, C]
  func channelsLast() -> Tensor { rank <= 2 ? self : transposed([0] + Array(2..<rank) + [1]) }

  /// [N, …, C] → [N, C, …]
  func channelsFirst() -> Tensor { rank <= 2 ? self : transposed([0, rank - 1] + Array(1..<rank - 1)) }
}

/// x·Wᵀ + b on the channels of every position: [N, I, …] → [N, O, …].
struct ChannelDense: UnaryLayer {
  /// [O, I]
  let weight: Parameter
  let bias: Parameter?

  init(_ inputs: Int, _ outputs: Int, bias: Bool) {
    weight = Parameter(shape: [outputs, inputs], initializer: .xavierUniform)
    self.bias = bias ? Parameter(shape: [outputs], initializer: .zeros) : nil
  }

  func forward(_ x: Tensor) -> Tensor {
    linear(x.channelsLast(), weight: weight.tensor, bias: bias?.tensor).channelsFirst()
  }
}

/// A convolution whose padding depends on the size of its input, and may be longer at the end.
struct WindowConvolution: UnaryLayer {
  /// [O, I / groups, k…]
  let weight: Parameter
  let bias: Parameter?
  private let geometry: Geometry
  private let groups: Int

  /// The window, hidden from the walk.
  struct Geometry: LayerConfiguration {
    let window: ChainWindow
  }

  init(_ inputs: Int, _ outputs: Int, window: ChainWindow, groups: Int = 1, bias: Bool) {
    weight = Parameter(shape: [outputs, inputs / groups] + window.kernel, initializer: .xavierUniform)
    self.bias = bias ? Parameter(shape: [outputs], initializer: .zeros) : nil
    geometry = Geometry(window: window)
    self.groups = groups
  }

  func forward(_ x: Tensor) -> Tensor {
    let window = geometry.window
    let places = window.kernel.indices.map { window.placement(axis: $0, size: x.shape[$0 + 2]) }
    return convolution(
      x, weight: weight.tensor, bias: bias?.tensor, stride: window.stride, padding: places.map(\.before),
      endPadding: places.map(\.after), dilation: window.dilation, groups: groups)
  }
}

/// A convolution of each channel for itself, and one of single positions across channels.
struct SeparableConvolution: UnaryLayer {
  let depthwise: WindowConvolution
  let pointwise: WindowConvolution

  init(_ inputs: Int, _ outputs: Int, multiplier: Int, window: ChainWindow, bias: Bool) {
    depthwise = WindowConvolution(inputs, inputs * multiplier, window: window, groups: inputs, bias: false)
    let ones = window.kernel.map { _ in 1 }
    pointwise = WindowConvolution(
      inputs * multiplier, outputs, window: .init(kernel: ones, stride: ones, dilation: ones, padding: .valid),
      bias: bias)
  }

  func forward(_ x: Tensor) -> Tensor { pointwise(depthwise(x)) }
}

/// A transposed convolution that is cut as TensorFlow does.
struct WindowTransposedConvolution: UnaryLayer {
  /// [I, O, k…]
  let weight: Parameter
  let bias: Parameter?
  private let geometry: Geometry

  struct Geometry: LayerConfiguration {
    let window: ChainWindow
    let extra: [Int]?
  }

  init(_ inputs: Int, _ outputs: Int, window: ChainWindow, extra: [Int]?, bias: Bool) {
    weight = Parameter(shape: [inputs, outputs] + window.kernel, initializer: .xavierUniform)
    self.bias = bias ? Parameter(shape: [outputs], initializer: .zeros) : nil
    geometry = Geometry(window: window, extra: extra)
  }

  func forward(_ x: Tensor) -> Tensor {
    let window = geometry.window
    let zeros = window.kernel.map { _ in 0 }
    var y = transposedConvolution(
      x, weight: weight.tensor, stride: window.stride, padding: zeros, outputPadding: zeros, dilation: window.dilation)
    for axis in window.kernel.indices {
      let place = window.transposedPlacement(axis: axis, size: x.shape[axis + 2], extra: geometry.extra?[axis])
      let end = min(y.shape[axis + 2], place.before + place.count)
      y = y.slice(axis: axis + 2, from: place.before, to: end).padded(
        axis: axis + 2, before: 0, after: max(0, place.after))
    }
    return bias.map { y + $0.tensor.reshaped(to: [-1] + zeros.map { $0 + 1 }) } ?? y
  }
}

/// Layer normalisation over the channels of every position: [N, C, …] → [N, C, …].
struct ChannelLayerNorm: UnaryLayer {
  /// [C]
  let weight: Parameter
  let bias: Parameter
  private let epsilon: Float

  init(_ channels: Int, epsilon: Float) {
    weight = Parameter(shape: [channels], initializer: .ones)
    bias = Parameter(shape: [channels], initializer: .zeros)
    self.epsilon = epsilon
  }

  func forward(_ x: Tensor) -> Tensor {
    layerNormalization(
      x.channelsLast(), over: weight.shape, scale: weight.tensor, shift: bias.tensor, epsilon: epsilon
    ).channelsFirst()
  }
}

/// A relu with learned slopes below zero, one for each channel or one for each element.
struct ElementPReLU: UnaryLayer {
  /// [C], or [C, …]
  let weight: Parameter

  init(shape: [Int]) { weight = Parameter(shape: shape, initializer: .zeros) }

  func forward(_ x: Tensor) -> Tensor {
    let slopes = weight.tensor.reshaped(
      to: weight.shape + Array(repeating: 1, count: x.rank - 1 - weight.shape.count))
    return relu(x) - slopes * relu(-x)
  }
}

/// Vectors for tokens, which are given as numbers: [N, T] → [N, D, T].
struct TokenEmbedding: UnaryLayer {
  /// [V, D]
  let weight: Parameter

  init(_ symbols: Int, _ width: Int) {
    weight = Parameter(shape: [symbols, width], initializer: .uniform(bound: 0.05))
  }

  func forward(_ x: Tensor) -> Tensor {
    let tokens = x.scalars.map { number -> Int32 in
      guard let token = Int32(exactly: number.rounded()), (0..<Int32(weight.shape[0])).contains(token) else {
        stopProgram("Embedding: \(number) is none of the \(weight.shape[0]) tokens")
      }
      return token
    }
    return embedding(IntTensor(tokens, shape: x.shape), weight: weight.tensor).channelsFirst()
  }
}
