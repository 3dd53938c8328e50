import AviaryDiagnostics
import AviaryTensors

/// Attention of several heads at once (Vaswani et al., 2017): queries [N, L, E], keys [N, S, K] and values [N, S, V] → [N, L,
/// E]; PyTorch's `nn.MultiheadAttention` with the batch first, under PyTorch's names.
///
/// Each head has E / heads of the channels. Where keys and values are as wide as queries, the three maps are one matrix,
/// `in_proj_weight`; else there are `q_proj_weight`, `k_proj_weight` and `v_proj_weight`.
public struct MultiHeadAttention: UnaryLayer {
  /// [3·E, E]: the maps of queries, keys and values.
  public let inProjWeight: Parameter?
  /// [E, E], [E, K] and [E, V]
  public let qProjWeight: Parameter?
  /// Of keys or values that have another width than queries; else nil.
  public let kProjWeight: Parameter?
  /// Of keys or values that have another width than queries; else nil.
  public let vProjWeight: Parameter?
  /// [3·E]
  public let inProjBias: Parameter?
  /// What becomes of the heads' results, put together.
  public let outProj: Linear
  private let width: Int
  private let heads: Int
  private let dropout: Float
  private let site = Site()

  /// - Parameters:
  ///   - width: E.
  ///   - keys, values: K and V; E where they are nil.
  ///   - dropout: the share of the weights of attention that is dropped in training.
  public init(
    _ width: Int, heads: Int, keys: Int? = nil, values: Int? = nil, bias: Bool = true, dropout: Float = 0
  ) {
    ensure(
      width >= 1 && heads >= 1 && width % heads == 0 && (0...1).contains(dropout),
      "MultiHeadAttention: \(heads) heads do not divide \(width) channels, or the dropout \(dropout) is not a probability"
    )
    func map(_ shape: [Int]) -> Parameter { Parameter(shape: shape, initializer: .xavierUniform) }
    let isPacked = keys ?? width == width && values ?? width == width
    inProjWeight = isPacked ? map([3 * width, width]) : nil
    qProjWeight = isPacked ? nil : map([width, width])
    kProjWeight = isPacked ? nil : map([width, keys ?? width])
    vProjWeight = isPacked ? nil : map([width, values ?? width])
    inProjBias = bias ? Parameter(shape: [3 * width], initializer: .zeros) : nil
    outProj = Linear(width, width, bias: bias, biasInitializer: .zeros)
    self.width = width
    self.heads = heads
    self.dropout = dropout
  }

  /// The attention of a sequence to itself, [N, T, E] → [N, T, E].
  public func forward(_ x: Tensor) -> Tensor { attend(x, x, x, AttentionMasks()) }

  /// The attention of a sequence to itself under masks, [N, T, E] → [N, T, E].
  public func callAsFunction(_ x: Tensor, masks: AttentionMasks) -> Tensor { self(x, x, x, masks: masks) }

  /// The attention of queries [N, L, E] to keys [N, S, K] with values [N, S, V] → [N, L, E].
  public func callAsFunction(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, masks: AttentionMasks = AttentionMasks()
  ) -> Tensor {
    guard Observation.isActive else { return attend(query, key, value, masks) }
    return Observation.observe(self) { attend(query, key, value, masks) }
  }

  private func attend(_ query: Tensor, _ key: Tensor, _ value: Tensor, _ masks: AttentionMasks) -> Tensor {
    let (keys, values) = (kProjWeight?.shape[1] ?? width, vProjWeight?.shape[1] ?? width)
    ensure(
      query.rank == 3 && key.rank == 3 && value.rank == 3 && query.shape[2] == width && key.shape[2] == keys
        && value.shape[2] == values && Set([query.shape[0], key.shape[0], value.shape[0]]).count == 1
        && key.shape[1] == value.shape[1],
      "\(site.layerPath): MultiHeadAttention: query \(query.shape), key \(key.shape) and value \(value.shape) do not go "
        + "with a width of \(width), keys of \(keys) and values of \(values)")
    let (q, k, v) = projected(query, key, value)
    let y = scaledDotProductAttention(
      q, k, v, mask: masks.joined(for: [query.shape[0], heads, query.shape[1], key.shape[1]]), causal: masks.causal,
      dropout: site.isFrozen ? 0 : dropout, path: site.path)
    return outProj(y.transposed([0, 2, 1, 3]).reshaped(to: [query.shape[0], query.shape[1], width]))
  }

  /// What the heads compare and mix: [N, heads, T, E / heads] each.
  private func projected(_ query: Tensor, _ key: Tensor, _ value: Tensor) -> (Tensor, Tensor, Tensor) {
    func apart(_ x: Tensor) -> Tensor {
      x.reshaped(to: [x.shape[0], x.shape[1], heads, width / heads]).transposed([0, 2, 1, 3])
    }
    if let inProjWeight, query.isSame(as: key), key.isSame(as: value) {
      let all = linear(query, weight: inProjWeight.tensor, bias: inProjBias?.tensor)
      let parts = all.reshaped(to: [query.shape[0], query.shape[1], 3, heads, width / heads])
        .transposed([2, 0, 3, 1, 4])
      return (parts.slice(axis: 0, at: 0), parts.slice(axis: 0, at: 1), parts.slice(axis: 0, at: 2))
    }
    let biases = inProjBias?.tensor.chunked(3)
    let weights =
      inProjWeight?.tensor.chunked(3) ?? [qProjWeight, kProjWeight, vProjWeight].compactMap { $0?.tensor }
    let maps = zip([query, key, value], weights).enumerated().map { number, pair in
      apart(linear(pair.0, weight: pair.1, bias: biases?[number]))
    }
    return (maps[0], maps[1], maps[2])
  }
}

/// What the queries of an attention do not see.
public struct AttentionMasks: Sendable {
  /// Added to the scaled products, of a shape that broadcasts to [N, heads, L, S]; −∞ hides a key from a query.
  public var added: Tensor?
  /// Which keys are padding and seen by no query: [N, S], PyTorch's `key_padding_mask`.
  public var padding: Mask?
  /// Whether query i sees the keys 0...i alone.
  public var causal: Bool

  /// Masks; those that are left out hide nothing.
  public init(added: Tensor? = nil, padding: Mask? = nil, causal: Bool = false) {
    self.added = added
    self.padding = padding
    self.causal = causal
  }

  /// Which keys each query sees, of a shape that broadcasts to [N, heads, L, S]; true where PyTorch's `attn_mask` is false.
  public init(seeing mask: Mask, padding: Mask? = nil, causal: Bool = false) {
    self.init(added: mask.additive, padding: padding, causal: causal)
  }

  /// Sequences of several lengths, filled up at their ends to `steps`.
  public init(lengths: [Int], steps: Int, causal: Bool = false) {
    let isPadding = lengths.flatMap { length in (0..<steps).map { $0 >= length } }
    self.init(padding: Mask(isPadding, shape: [lengths.count, steps]), causal: causal)
  }

  /// Both masks as one; nil where there is none.
  fileprivate func joined(for shape: [Int]) -> Tensor? {
    guard let padding else { return added }
    ensure(
      padding.shape == [shape[0], shape[3]],
      "MultiHeadAttention: a padding of \(padding.shape) is not of \(shape[0]) sequences of \(shape[3]) keys")
    let hidden = (.!padding).additive.reshaped(to: [shape[0], 1, 1, shape[3]])
    return added.map { $0 + hidden } ?? hidden
  }
}

extension MultiHeadAttention: DroppingLayer {
  var drops: Bool { dropout > 0 }
}
