// Layers with a vocabulary: StringLookup, IntegerLookup and TextVectorization.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

struct KerasLookup: KerasIndexingClass {
  static let key = "lookup"
  static let classes = ["StringLookup", "IntegerLookup"]
  var vocabulary: KerasVocabulary
  var categories: KerasCategories
  var mode: KerasCategories.Mode { categories.mode }
  var idfWeights: [Float]? { categories.weights }

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    try graph.turn(to: .channelsLast, for: source)
    let isNumeric = source.kind == "IntegerLookup"
    guard graph.current.first?.isText ?? false != isNumeric else {
      throw source.unsupported(isNumeric ? "its input is text" : "its input is not text")
    }
    let mode = try KerasCategories.Mode.read(source, default: "int")
    try graph.requireAxis(for: mode, source)
    let (vocabulary, weights) = try source.vocabulary(isNumeric: isNumeric, mode)
    return Self(
      vocabulary: vocabulary, categories: try source.categories(mode, vocabulary, weights))
  }

  static var takesTexts: Bool { true }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try vocabulary.check()
    return try categories.output(of: vocabulary.isNumeric ? input : input.rowOfTexts())
  }

  func layer(on input: KerasShape) -> any UnaryLayer {
    let index = KerasWordIndex(vocabulary, categories.mode)
    if vocabulary.isNumeric { return categories.layer { x in Tensor(x.scalars.map { index[$0] }, shape: x.shape) } }
    return categories.layer { x in
      Tensor(x.texts.flatMap { $0.map { index[$0] } }, shape: Array(x.shape.prefix(2)))
    }
  }
}

struct KerasTextVectorization: KerasIndexingClass {
  static let key = "textVectorization"
  static let classes = ["TextVectorization"]
  var tokenizer: KerasTokenizer
  var vocabulary: KerasVocabulary
  var categories: KerasCategories
  /// How many indices are put out; nil for as many as the longest text of the batch has.
  var length: Int?
  var mode: KerasCategories.Mode { categories.mode }
  var idfWeights: [Float]? { categories.weights }

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    guard graph.current.first?.isText ?? false else { throw source.unsupported("its input is not text") }
    let mode = try KerasCategories.Mode.read(source, default: "int")
    guard mode != .oneHot else { throw source.unsupported("output_mode 'one_hot' of texts is not supported") }
    let (vocabulary, weights) = try source.vocabulary(mask: "", isNumeric: false, mode)
    var runs = try source.integers("ngrams")
    if let most = source.setting("ngrams"), most.elements == nil {
      runs = runs.map { Array(1..<max(1, min($0[0], 1000) + 1)) }
    }
    let standard = try source.own("standardize", ["lower_and_strip_punctuation", "lower", "strip_punctuation"])
    let split = try source.own("split", ["whitespace", "character"])
    if split == nil, graph.current.first?.isScalar ?? false {
      throw source.unsupported("with split=None its input needs an axis beside that of the examples")
    }
    return Self(
      tokenizer: KerasTokenizer(
        lowers: standard?.contains("lower") ?? false, stripsPunctuation: standard?.contains("strip") ?? false,
        split: split.flatMap { KerasTokenizer.Split(rawValue: $0) }, runs: runs),
      vocabulary: vocabulary, categories: try source.categories(mode, vocabulary, weights),
      length: mode == .index ? try source.integer("output_sequence_length") : nil)
  }

  static var takesTexts: Bool { true }
  var keepsScalar: Bool { false }

  /// Whether how long a row is depends on the other rows of its batch.
  var dependsOnBatch: Bool { mode == .index && length == nil && tokenizer.split != nil }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try vocabulary.check()
    let texts = try input.rowOfTexts()
    try require(
      tokenizer.split == nil || texts.channels == 1, "it splits one text, not rows of \(texts.channels ?? 0) texts")
    for run in tokenizer.runs ?? [] { try require("ngrams", run, in: 1...1000) }
    if let length { try require("output_sequence_length", length) }
    let words = KerasShape(
      channels: tokenizer.split == nil && tokenizer.runs == nil ? texts.channels : nil, positions: [])
    guard categories.mode == .index else { return try categories.output(of: words) }
    return KerasShape(channels: length ?? words.channels, positions: [])
  }

  func layer(on input: KerasShape) -> any UnaryLayer {
    let index = KerasWordIndex(vocabulary, categories.mode)
    let (tokenizer, length, isIndex) = (tokenizer, length, categories.mode == .index)
    return categories.layer { x in
      let rows = x.texts.map { texts in tokenizer.words(texts).map { index[$0] } }
      // A batch without a word has an index, too: that of nothing.
      let width = length ?? max(1, rows.map(\.count).max() ?? 1)
      let scalars = rows.flatMap { row in
        row.prefix(width) + repeatElement(isIndex ? 0 : -1, count: max(0, width - row.count))
      }
      return Tensor(scalars, shape: [x.shape[0], width])
    }
  }
}

extension KerasLayerDescription {
  /// How a layer with a vocabulary puts out indices.
  fileprivate func categories(
    _ mode: KerasCategories.Mode, _ vocabulary: KerasVocabulary, _ weights: [Float]?
  ) throws(KerasModelFault) -> KerasCategories {
    let known = vocabulary.first(mode) + vocabulary.words.count
    let most = try integer("max_tokens")
    let isPadded = try flag("pad_to_max_tokens", default: false)
    if isPadded, most == nil { throw unsupported("pad_to_max_tokens goes with max_tokens") }
    if let most, known > most {
      throw unsupported("a vocabulary of \(known) words does not go with max_tokens=\(most)")
    }
    let depth = isPadded ? most ?? known : known
    let missing = max(0, depth - (weights?.count ?? depth))
    return KerasCategories(
      mode: mode, depth: depth, weights: weights.map { $0 + Array(repeating: 0, count: min(missing, 1 << 24)) })
  }

  /// One of the words that Keras knows for a setting, the first where the file does not say; nil for None.
  fileprivate func own(_ name: String, _ known: [String]) throws(KerasModelFault) -> String? {
    guard let value = setting(name) else { return configuration[name] == nil ? known[0] : nil }
    if let text = value.text, known.contains(text) { return text }
    let what = value.text ?? value["registered_name"]?.text ?? value["config"]?.text ?? "a function"
    throw unsupported(
      "its \(name) is '\(what.prefix(80))', a function of the model's author, whose code is not in the file; use one of Keras's own: \(known.joined(separator: ", "))"
    )
  }
}
