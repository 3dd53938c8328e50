// What the layers of a Keras chain are built from: values, as a checkpoint holds them.

import AviaryLayers
import AviaryTensors

/// A function of single elements, or of the channels of each position, after a layer of a Keras chain.
public enum ChainActivation: String, Codable, Sendable, CaseIterable {
  case linear, relu, relu6, tanh, sigmoid, softmax, elu, selu, silu, gelu, softplus, softsign, exponential
  case logSoftmax = "log_softmax"
  case geluByTanh = "gelu_by_tanh"
  case hardSwish = "hard_swish"
  case leakyRelu = "leaky_relu"
  /// Keras 3's, whose slope is 1/6.
  case hardSigmoid = "hard_sigmoid"
  /// Keras 1's and 2's, whose slope is 1/5.
  case hardSigmoidFifth = "hard_sigmoid_fifth"

  /// [N, C, …] → [N, C, …]
  func callAsFunction(_ x: Tensor) -> Tensor {
    switch self {
    case .linear: x
    case .relu: AviaryTensors.relu(x)
    case .relu6: x.clamped(to: 0...6)
    case .tanh: AviaryTensors.tanh(x)
    case .sigmoid: AviaryTensors.sigmoid(x)
    case .softmax: AviaryTensors.softmax(x, axis: 1)
    case .logSoftmax: AviaryTensors.logSoftmax(x, axis: 1)
    case .elu: AviaryTensors.elu(x)
    case .selu: AviaryTensors.selu(x)
    case .silu: AviaryTensors.silu(x)
    case .gelu: AviaryTensors.gelu(x)
    case .geluByTanh: AviaryTensors.gelu(x, approximation: .tanh)
    case .softplus: AviaryTensors.softplus(x)
    case .softsign: AviaryTensors.softsign(x)
    case .exponential: exp(x)
    case .hardSwish: AviaryTensors.hardSwish(x)
    case .leakyRelu: AviaryTensors.leakyRelu(x, slope: 0.2)
    case .hardSigmoid: AviaryTensors.hardSigmoid(x)
    case .hardSigmoidFifth: AviaryTensors.hardSigmoid(x, slope: 0.2)
    }
  }
}

/// How a window slides over the positions; one number for each of their axes.
public struct ChainWindow: Codable, Equatable, Sendable {
  public enum Padding: String, Codable, Sendable {
    /// None: what does not fill a window is left out.
    case valid
    /// Zeros so that every stride-th position has a window; an odd one more stands at the end.
    case same
    /// All zeros before the beginning, so that a window does not see what follows.
    case causal
  }

  public var kernel: [Int]
  public var stride: [Int]
  public var dilation: [Int]
  public var padding: Padding

  /// Where the windows of an axis of this size lie: zeros before and after, and how many windows; none is 0.
  func placement(axis: Int, size: Int) -> (before: Int, after: Int, count: Int) {
    let reach = (kernel[axis] - 1) * dilation[axis] + 1
    let step = stride[axis]
    switch padding {
    case .valid: return (0, 0, size < reach ? 0 : (size - reach) / step + 1)
    case .causal: return (reach - 1, 0, (size - 1) / step + 1)
    case .same:
      let count = (size + step - 1) / step
      let zeros = max(0, (count - 1) * step + reach - size)
      return (zeros / 2, zeros - zeros / 2, count)
    }
  }
}

/// A recurrent layer of a Keras chain in one direction.
public struct ChainRecurrent: Codable, Equatable, Sendable {
  public enum Kind: String, Codable, Sendable { case simple, lstm, gru }

  public var kind: Kind
  public var units: Int
  public var bias: Bool
  public var activation: ChainActivation
  /// Of the gates; a simple layer has none.
  public var gates: ChainActivation
  /// Whether the output is the states at all steps, or that at the end.
  public var returnsSequences: Bool
  public var goesBackwards: Bool
  /// Of a GRU: whether its reset gate works on the product, or on the state before.
  public var resetsAfter: Bool

  var gateCount: Int {
    switch kind {
    case .simple: 1
    case .lstm: 4
    case .gru: 3
    }
  }
}

/// What a layer of a Keras chain does. Shapes are [C, …], channels before positions, whatever Keras's order was.
public enum ChainOperation: Codable, Equatable, Sendable {
  public enum Pool: String, Codable, Sendable { case max, average }
  public enum Merge: String, Codable, Sendable { case concatenate, sum, multiply, average }

  case dense(units: Int, bias: Bool)
  case convolution(filters: Int, window: ChainWindow, groups: Int, bias: Bool)
  /// - outputPadding: positions more at the end; nil for as many as Keras chooses.
  case transposedConvolution(filters: Int, window: ChainWindow, outputPadding: [Int]?, bias: Bool)
  case depthwiseConvolution(multiplier: Int, window: ChainWindow, bias: Bool)
  case separableConvolution(filters: Int, multiplier: Int, window: ChainWindow, bias: Bool)
  case pool(kind: Pool, window: ChainWindow)
  case globalPool(kind: Pool, keepsPositions: Bool)
  /// - momentum: the share of the new, as in PyTorch; Keras counts that of the old.
  case batchNormalization(epsilon: Float, momentum: Float, scale: Bool, center: Bool)
  case layerNormalization(epsilon: Float, scale: Bool, center: Bool)
  /// - channelsLast: whether the row has a position's channels side by side.
  /// - reordered: whether Keras has it so, and the rows of the weights after it were brought into the other order.
  case flatten(channelsLast: Bool, reordered: Bool)
  /// - shape: in Keras's order, channels last.
  case reshape(shape: [Int])
  /// - order: axis i of the result is axis order[i] of [C, …].
  case transpose(order: [Int])
  case repeatVector(count: Int)
  case scaling(scale: Float, offset: Float)
  case dropout(rate: Float)
  case channelDropout(rate: Float)
  /// Nothing but the activation, of which there may be none.
  case identity
  case leakyRelu(slope: Float)
  case elu(alpha: Float)
  case relu(maximum: Float?, slope: Float, threshold: Float)
  case prelu(sharesPositions: Bool)
  /// - amounts: before and after, for each axis of positions.
  case zeroPadding(amounts: [[Int]])
  case cropping(amounts: [[Int]])
  case upSampling(size: [Int])
  case embedding(symbols: Int, width: Int)
  case recurrent(cell: ChainRecurrent)
  case bidirectional(cell: ChainRecurrent, merge: Merge)

  /// Whether the layer has arrays in a checkpoint.
  var hasWeights: Bool {
    switch self {
    case .dense, .convolution, .transposedConvolution, .depthwiseConvolution, .separableConvolution,
      .batchNormalization, .layerNormalization, .prelu, .embedding, .recurrent, .bidirectional:
      true
    default: false
    }
  }
}

/// One layer of a Keras chain.
public struct ChainLayer: Codable, Equatable, Sendable {
  /// The path of its cells: lower case letters, digits and underscores.
  public var name: String
  /// Where Keras 3 keeps its weights: class and number, `dense_1`, or `sequential/dense_1` in a model within the model.
  /// Empty for a layer that Keras does not have.
  public var place: String
  public var operation: ChainOperation
  /// What follows at once.
  public var activation: ChainActivation

  init(_ name: String, _ place: String, _ operation: ChainOperation, _ activation: ChainActivation = .linear) {
    self.name = name
    self.place = place
    self.operation = operation
    self.activation = activation
  }
}
