// A small GPT for characters: which one comes next?
//
// As in Radford et al., "Language Models are Unsupervised Multitask Learners", 2019, and Karpathy's nanoGPT, whose names the
// paths are: blocks of causal attention and a map of each step, normalisation before both, learned positions, and a head
// that is the table of the characters itself. Left out: vocabularies of parts of words.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// Causal attention of a sequence to itself and a map of each step, both with normalisation before and a residual around them:
/// [N, T, E] → [N, T, E].
public struct CharacterTransformerBlock: Layer {
  private let norm1, norm2: LayerNorm
  private let attend, project: Linear
  private let expand, contract: Linear
  private let attentionDrop, drop: Dropout
  private let activation: Activation
  private let heads: Int
  private let site = Site()

  init(_ configuration: CharacterTransformer.Configuration) {
    let (width, bias) = (configuration.width, configuration.bias)
    func map(_ inputs: Int, _ outputs: Int, isLast: Bool = false) -> Linear {
      let deviation = 0.02 / (isLast ? Float(2 * configuration.layers).squareRoot() : 1)
      return Linear(
        inputs, outputs, bias: bias, initializer: .normal(mean: 0, deviation: deviation), biasInitializer: .zeros)
    }
    (norm1, norm2) = (LayerNorm(width, bias: bias), LayerNorm(width, bias: bias))
    (attend, project) = (map(width, 3 * width), map(width, width, isLast: true))
    (expand, contract) = (map(width, 4 * width), map(4 * width, width, isLast: true))
    (attentionDrop, drop) = (Dropout(configuration.dropout), Dropout(configuration.dropout))
    (activation, heads) = (configuration.activation, configuration.heads)
  }

  public var children: [Child] {
    [
      Child("ln_1", norm1), Child("attn.c_attn", attend), Child("attn.c_proj", project),
      Child("attn.resid_dropout", attentionDrop), Child("ln_2", norm2), Child("mlp.c_fc", expand),
      Child("mlp.c_proj", contract), Child("mlp.dropout", drop), Child("attn.site", site),
    ]
  }

  /// - Parameter past: the keys and values of the steps before, [N, heads, P, E / heads] each.
  /// - Returns: the result, and the keys and values of all steps so far.
  func callAsFunction(
    _ x: Tensor, past: TransformerState.Layer?
  ) -> (y: Tensor, state: TransformerState.Layer) {
    let (count, steps, width) = (x.shape[0], x.shape[1], x.shape[2])
    let parts = attend(norm1(x)).reshaped(to: [count, steps, 3, heads, width / heads]).transposed([2, 0, 3, 1, 4])
    let (query, ownKeys, ownValues) = (
      parts.slice(axis: 0, at: 0), parts.slice(axis: 0, at: 1), parts.slice(axis: 0, at: 2)
    )
    let keys = past.map { concatenated([$0.keys, ownKeys], axis: 2) } ?? ownKeys
    let values = past.map { concatenated([$0.values, ownValues], axis: 2) } ?? ownValues
    let rate = site.isFrozen ? 0 : drop.rate
    let mixed: Tensor
    if past == nil || steps == 1 {
      // A single step sees all before it.
      mixed = scaledDotProductAttention(
        query, keys, values, causal: past == nil, dropout: rate, path: site.path)
    } else {
      let before = keys.shape[2] - steps
      let seen = (0..<steps).flatMap { step in (0..<before + steps).map { $0 <= before + step } }
      mixed = scaledDotProductAttention(
        query, keys, values, seeing: Mask(seen, shape: [steps, before + steps]), dropout: rate, path: site.path)
    }
    let y = x + attentionDrop(project(mixed.transposed([0, 2, 1, 3]).reshaped(to: x.shape)))
    return (y + drop(contract(activation(expand(norm2(y))))), TransformerState.Layer(keys: keys, values: values))
  }
}

/// What a transformer carries on from one part of a text to the next: the tokens that it still sees, and their keys and values.
public struct TransformerState: LanguageModelState {
  struct Layer: Sendable {
    /// [N, heads, T, E / heads]
    var keys: Tensor
    var values: Tensor
  }

  /// [N, T]
  var tokens: IntTensor
  var layers: [Layer]

  public func detached() -> TransformerState {
    TransformerState(
      tokens: tokens, layers: layers.map { Layer(keys: $0.keys.detached(), values: $0.values.detached()) })
  }
}

/// A language model over characters: tokens [N, T] → logits of the next token [N, T, V].
public struct CharacterTransformer: LanguageModel {
  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: VocabularyConfiguration {
    /// How many characters the model sees at most, the last one included.
    public var context: Int
    /// The number of layers, one above the other.
    public var layers: Int
    /// The number of attention heads of a layer.
    public var heads: Int
    /// How many channels a step has.
    public var width: Int
    /// Whether maps and normalisations have biases.
    public var bias: Bool
    /// The rate of dropout in training.
    public var dropout: Float
    /// Between the two maps of a block: gelu as nanoGPT has it, or GPT-2's, which is computed with a tanh.
    public var activation: Activation
    /// How many characters the model can read, with a head apart from their table; nil for as many as it predicts, and the
    /// table as the head.
    public var symbols: Int?
    /// How many characters the model predicts: the size of the vocabulary.
    public var outputs: Int

    /// A configuration of these values.
    public init(
      context: Int = 256, layers: Int = 4, heads: Int = 4, width: Int = 128, bias: Bool = false, dropout: Float = 0,
      activation: Activation = .gelu, symbols: Int? = nil, outputs: Int = 65
    ) {
      self.context = context
      self.layers = layers
      self.heads = heads
      self.width = width
      self.bias = bias
      self.dropout = dropout
      self.activation = activation
      self.symbols = symbols
      self.outputs = outputs
    }

    /// As files name the members.
    private enum CodingKeys: String, CodingKey {
      case context, layers, heads, width, bias, dropout, activation, symbols
      case outputs = "classes"
    }

    public static var addedLater: Set<String> { ["activation"] }

    /// Four layers of 128: 828,672 parameters at 65 characters.
    public static let small = Configuration()
    /// A tiny one, for tests.
    public static let toy = Configuration(context: 8, layers: 2, heads: 2, width: 6, bias: true, outputs: 7)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try requireVocabulary(input: input)
      try require("context", context, in: 1...65536)
      try require("layers", layers, in: 1...128)
      try require("width", width, in: 1...16384)
      try require("heads", heads, in: 1...width)
      guard width % heads == 0 else {
        throw .outOfRange(name: "heads", value: "\(heads)", allowed: "a divisor of the width, \(width)")
      }
      try requireRate("dropout", dropout)
    }

    /// Heads have no shape. Those of large widths are 64 wide, as GPT-2's and nanoGPT's of 384, where that is possible; else
    /// as many as there are stay, if the width goes with them.
    public mutating func fit(tensors shapes: inout TensorShapes) {
      let predicted = shapes.outputs(of: "lm_head.weight")
      if let table = shapes["transformer.wte.weight"] ?? shapes["lm_head.weight"], table.count == 2 {
        symbols = predicted.map { $0 != table[0] } ?? false ? table[0] : nil
        outputs = predicted ?? table[0]
        if width != table[1] {
          width = table[1]
          if !shapes.given.contains("heads") {
            shapes.assume("heads")
            if width >= 256, width % 64 == 0 { heads = width / 64 }
          }
          if heads < 1 || width % heads != 0 { heads = 1 }
        }
      }
      context = shapes.outputs(of: "transformer.wpe.weight") ?? context
      let count = shapes.count { "transformer.h.\($0).ln_1.weight" }
      guard count > 0 else { return }
      layers = count
      bias = shapes.contains("transformer.h.0.ln_1.bias")
      // Who keeps the mask of attention among the tensors (minGPT, GPT-2, the first nanoGPT) mostly has GPT-2's gelu.
      if shapes.contains("transformer.h.0.attn.bias"), !shapes.given.contains("activation") {
        shapes.assume("activation")
      }
    }

    /// GPT-2's own weights, and those of Hugging Face's transformers, are [inputs, outputs]. That of attention alone is never
    /// square, and tells it of those that are.
    public static func transposedMatrices(in shapes: TensorShapes) -> [String] {
      guard let attention = shapes["transformer.h.0.attn.c_attn.weight"], attention.count == 2, attention[0] > 0,
        attention[1] == 3 * attention[0]
      else { return [] }
      return ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"].filter {
        shapes["transformer.h.0.\($0).weight"]?.count == 2
      }.map { "transformer.h.*.\($0).weight" }
    }

    /// The causal masks that GPT-2 and minGPT keep, [1, 1, T, T], and the number that transformers puts in the places they hide.
    public static func unneededTensors(in shapes: TensorShapes) -> [String] {
      let mask = shapes["transformer.h.0.attn.bias"] ?? []
      let isMask = mask.count == 4 && mask[0] == 1 && mask[1] == 1 && mask[2] == mask[3]
      return (isMask ? ["transformer.h.*.attn.bias"] : [])
        + (shapes["transformer.h.0.attn.masked_bias"] == [] ? ["transformer.h.*.attn.masked_bias"] : [])
    }

    /// nanoGPT keeps what it builds a network from beside the weights.
    public static func members(told facts: [String: String]) -> [(name: String, value: String)] {
      [("heads", "n_head"), ("dropout", "dropout")].compactMap { member, name in
        facts["model_args.\(name)"].map { (member, $0) }
      }
    }
  }

  public let configuration: Configuration
  private let table: Embedding
  private let positions: LearnedPositions
  private let drop: Dropout
  private let blocks: [CharacterTransformerBlock]
  private let norm: LayerNorm
  /// Nil where the table is the head.
  private let head: Linear?

  public var headPath: String { head == nil ? "transformer.wte" : "lm_head" }
  public var symbols: Int { configuration.symbols ?? configuration.outputs }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    let initializer = Initializer.normal(mean: 0, deviation: 0.02)
    let width = configuration.width
    table = Embedding(configuration.symbols ?? configuration.outputs, width, initializer: initializer)
    positions = LearnedPositions(configuration.context, width, initializer: initializer)
    drop = Dropout(configuration.dropout)
    blocks = (0..<configuration.layers).map { _ in CharacterTransformerBlock(configuration) }
    norm = LayerNorm(width, bias: configuration.bias)
    head =
      configuration.symbols == nil
      ? nil : Linear(width, configuration.outputs, bias: false, initializer: initializer)
  }

  public var children: [Child] {
    [Child("transformer.wte", table), Child("transformer.wpe", positions), Child("transformer.drop", drop)]
      + Child.counted("transformer.h", blocks) + [Child("transformer.ln_f", norm)]
      + [head.map { Child("lm_head", $0) } ?? Child("lm_head.weight", table.weight)]
  }

  /// The logits of the character after each one, [N, T, V], and what the next call goes on with.
  ///
  /// The model sees at most `context` characters. Where there would be more, those that the next call still sees are read
  /// anew, from the first place on: half of the context, or what the new ones leave of it.
  ///
  /// - Parameters:
  ///   - tokens: [N, T], each below the number of characters that the model reads.
  ///   - state: where the call before left off; nil for the beginning of a text.
  public func callAsFunction(
    tokens: IntTensor, state: TransformerState? = nil
  ) -> (logits: Tensor, state: TransformerState) {
    ensure(
      tokens.shape.count == 2 && !tokens.scalars.isEmpty,
      "\(headPath): CharacterTransformer: tokens of shape \(tokens.shape) are not [N, T]")
    var (parts, state): ([Tensor], TransformerState?) = ([], state)
    let (steps, context) = (tokens.shape[1], configuration.context)
    for start in stride(from: 0, to: steps, by: context) {
      let (logits, next) = window(tokens.columns(start..<min(steps, start + context)), after: state)
      parts.append(logits)
      state = next
    }
    guard let state else { stopProgram("CharacterTransformer: a text without steps") }
    return (parts.count == 1 ? parts[0] : concatenated(parts, axis: 1), state)
  }

  /// The same for at most as many tokens as the model sees.
  private func window(_ tokens: IntTensor, after state: TransformerState?) -> (Tensor, TransformerState) {
    let (steps, context) = (tokens.shape[1], configuration.context)
    guard let state, state.tokens.shape[1] + steps > context else { return read(tokens, after: state) }
    let (known, kept) = (state.tokens.shape[1], min(context / 2, context - steps))
    let (logits, next) = read(
      IntTensor.joined(state.tokens.columns(known - kept..<known), tokens), after: nil)
    return (logits.slice(axis: 1, from: kept, to: kept + steps), next)
  }

  private func read(_ tokens: IntTensor, after state: TransformerState?) -> (Tensor, TransformerState) {
    var x = drop(positions(table(tokens), from: state?.tokens.shape[1] ?? 0))
    var layers: [TransformerState.Layer] = []
    for (number, block) in blocks.enumerated() {
      let (y, layer) = block(x, past: state?.layers[number])
      x = y
      layers.append(layer)
    }
    let features = norm(x)
    let logits = head.map { $0(features) } ?? linear(features, weight: table.weight.tensor)
    return (
      logits, TransformerState(tokens: state.map { .joined($0.tokens, tokens) } ?? tokens, layers: layers)
    )
  }
}

extension IntTensor {
  /// Columns of a matrix.
  fileprivate func columns(_ range: Range<Int>) -> IntTensor {
    let width = shape[1]
    if range.count == width { return self }
    var values: [Int32] = []
    for row in 0..<shape[0] {
      values += scalars[(row * width + range.lowerBound)..<(row * width + range.upperBound)]
    }
    return IntTensor(values, shape: [shape[0], range.count])
  }

  /// Two matrices side by side.
  fileprivate static func joined(_ a: IntTensor, _ b: IntTensor) -> IntTensor {
    let (left, right) = (a.shape[1], b.shape[1])
    var values: [Int32] = []
    for row in 0..<a.shape[0] {
      values += a.scalars[(row * left)..<((row + 1) * left)]
      values += b.scalars[(row * right)..<((row + 1) * right)]
    }
    return IntTensor(values, shape: [a.shape[0], left + right])
  }
}

extension Architecture {
  static let characterTransformers = [
    Architecture(
      "char-transformer", "character language model, a small GPT (Radford et al., 2019)", CharacterTransformer.self,
      .small, input: [65], kinds: [.text])
  ]
}
