import AviaryDiagnostics
import AviaryTensors

/// The sizes and options of the layers of a transformer (Vaswani et al., 2017).
public struct TransformerConfiguration: LayerConfiguration, Equatable {
  /// E, how many channels a step has.
  public var width: Int
  /// The number of attention heads.
  public var heads: Int
  /// How many channels the map of each step has within.
  public var hidden: Int
  /// The rate of dropout in training.
  public var dropout: Float
  /// The activation between the two linear layers.
  public var activation: Activation
  /// Whether what is added is computed from normalised steps (Xiong et al., 2020), or the sums are normalised.
  public var normalizesFirst: Bool
  /// Added to the variances of the normalisations.
  public var epsilon: Float

  /// A configuration of these values.
  public init(
    width: Int, heads: Int, hidden: Int = 2048, dropout: Float = 0.1, activation: Activation = .relu,
    normalizesFirst: Bool = false, epsilon: Float = 1e-5
  ) {
    self.width = width
    self.heads = heads
    self.hidden = hidden
    self.dropout = dropout
    self.activation = activation
    self.normalizesFirst = normalizesFirst
    self.epsilon = epsilon
  }

  fileprivate func attention() -> MultiHeadAttention { MultiHeadAttention(width, heads: heads, dropout: dropout) }
  fileprivate func norm() -> LayerNorm { LayerNorm(width, epsilon: epsilon) }

  /// A step of a residual layer: what `part` makes of x, added to x, and normalised before or after.
  fileprivate func adding(_ part: (Tensor) -> Tensor, to x: Tensor, _ norm: LayerNorm) -> Tensor {
    normalizesFirst ? x + part(norm(x)) : norm(x + part(x))
  }
}

/// Attention of a sequence to itself and a map of each step, each with a residual: [N, T, E] → [N, T, E]; PyTorch's
/// `nn.TransformerEncoderLayer` with the batch first.
public struct TransformerEncoderLayer: UnaryLayer {
  private let selfAttn: MultiHeadAttention
  private let linear1: Linear
  private let dropout: Dropout
  private let linear2: Linear
  private let norm1: LayerNorm
  private let norm2: LayerNorm
  private let dropout1: Dropout
  private let dropout2: Dropout
  private let configuration: TransformerConfiguration

  /// A layer of this configuration.
  public init(_ configuration: TransformerConfiguration) {
    self.configuration = configuration
    selfAttn = configuration.attention()
    linear1 = Linear(configuration.width, configuration.hidden)
    linear2 = Linear(configuration.hidden, configuration.width)
    (norm1, norm2) = (configuration.norm(), configuration.norm())
    dropout = Dropout(configuration.dropout)
    dropout1 = Dropout(configuration.dropout)
    dropout2 = Dropout(configuration.dropout)
  }

  public func forward(_ x: Tensor) -> Tensor { self(x, masks: AttentionMasks()) }

  /// The same where not every step sees every other.
  public func callAsFunction(_ x: Tensor, masks: AttentionMasks) -> Tensor {
    let y = configuration.adding({ dropout1(selfAttn($0, masks: masks)) }, to: x, norm1)
    return configuration.adding(
      { dropout2(linear2(dropout(configuration.activation(linear1($0))))) }, to: y, norm2)
  }
}

/// Attention of a sequence to itself, attention to the result of an encoder, and a map of each step, each with a residual:
/// [N, T, E] with [N, S, E] → [N, T, E]; PyTorch's `nn.TransformerDecoderLayer` with the batch first.
public struct TransformerDecoderLayer: Layer {
  private let selfAttn: MultiHeadAttention
  private let multiheadAttn: MultiHeadAttention
  private let linear1: Linear
  private let dropout: Dropout
  private let linear2: Linear
  private let norm1: LayerNorm
  private let norm2: LayerNorm
  private let norm3: LayerNorm
  private let dropout1: Dropout
  private let dropout2: Dropout
  private let dropout3: Dropout
  private let configuration: TransformerConfiguration

  /// A layer of this configuration.
  public init(_ configuration: TransformerConfiguration) {
    self.configuration = configuration
    (selfAttn, multiheadAttn) = (configuration.attention(), configuration.attention())
    linear1 = Linear(configuration.width, configuration.hidden)
    linear2 = Linear(configuration.hidden, configuration.width)
    (norm1, norm2, norm3) = (configuration.norm(), configuration.norm(), configuration.norm())
    dropout = Dropout(configuration.dropout)
    dropout1 = Dropout(configuration.dropout)
    dropout2 = Dropout(configuration.dropout)
    dropout3 = Dropout(configuration.dropout)
  }

  /// - Parameters:
  ///   - memory: what the encoder made of the other sequence, [N, S, E].
  ///   - masks: of the sequence to itself; causal by default, so that no step sees those after it.
  ///   - memoryMasks: of the sequence to the memory.
  public func callAsFunction(
    _ x: Tensor, memory: Tensor, masks: AttentionMasks = AttentionMasks(causal: true),
    memoryMasks: AttentionMasks = AttentionMasks()
  ) -> Tensor {
    var y = configuration.adding({ dropout1(selfAttn($0, masks: masks)) }, to: x, norm1)
    y = configuration.adding(
      { dropout2(multiheadAttn($0, memory, memory, masks: memoryMasks)) }, to: y, norm2)
    return configuration.adding(
      { dropout3(linear2(dropout(configuration.activation(linear1($0))))) }, to: y, norm3)
  }
}

/// Encoder layers one after the other, and a normalisation at the end where there is one: [N, T, E] → [N, T, E]; PyTorch's
/// `nn.TransformerEncoder`.
public struct TransformerEncoder: UnaryLayer {
  private let layers: [TransformerEncoderLayer]
  private let norm: LayerNorm?

  /// - Parameter norm: whether the result is normalised; as a rule where layers normalise first.
  public init(_ configuration: TransformerConfiguration, layers: Int, norm: Bool = false) {
    self.layers = (0..<layers).map { _ in TransformerEncoderLayer(configuration) }
    self.norm = norm ? configuration.norm() : nil
  }

  public func forward(_ x: Tensor) -> Tensor { self(x, masks: AttentionMasks()) }

  /// The same where not every step sees every other.
  public func callAsFunction(_ x: Tensor, masks: AttentionMasks) -> Tensor {
    let y = layers.reduce(x) { $1($0, masks: masks) }
    return norm?(y) ?? y
  }
}

/// Decoder layers one after the other, and a normalisation at the end where there is one: [N, T, E] with [N, S, E] → [N, T,
/// E]; PyTorch's `nn.TransformerDecoder`.
public struct TransformerDecoder: Layer {
  private let layers: [TransformerDecoderLayer]
  private let norm: LayerNorm?

  /// - Parameter norm: whether the result is normalised; as a rule where layers normalise first.
  public init(_ configuration: TransformerConfiguration, layers: Int, norm: Bool = false) {
    self.layers = (0..<layers).map { _ in TransformerDecoderLayer(configuration) }
    self.norm = norm ? configuration.norm() : nil
  }

  /// See `TransformerDecoderLayer`.
  public func callAsFunction(
    _ x: Tensor, memory: Tensor, masks: AttentionMasks = AttentionMasks(causal: true),
    memoryMasks: AttentionMasks = AttentionMasks()
  ) -> Tensor {
    let y = layers.reduce(x) { $1($0, memory: memory, masks: masks, memoryMasks: memoryMasks) }
    return norm?(y) ?? y
  }
}
