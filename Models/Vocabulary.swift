import AviaryCheckpoints
import AviaryLayers

/// The configuration of a network that predicts the symbols that it reads, or, where its head was replaced, others.
public protocol VocabularyConfiguration: NetworkConfiguration {
  /// How many symbols the network can read; nil for as many as it predicts.
  var symbols: Int? { get set }
}

extension VocabularyConfiguration {
  /// Checks the vocabulary, and that a text has as many symbols.
  func requireVocabulary(input: [Int]?) throws(ConfigurationFault) {
    try require("classes", outputs, in: 1...1_000_000)
    try require("symbols", symbols ?? outputs, in: 1...1_000_000)
    // A text needs a model that reads what it predicts.
    if let input, input != [outputs] || (symbols ?? outputs) != outputs {
      throw .wrongInput(
        architecture: "the character model", input: input, expected: "text of \(symbols ?? outputs) characters")
    }
  }

  /// An input is the size of the vocabulary.
  public mutating func fit(input: [Int]) {
    symbols = nil
    outputs = input.first ?? outputs
  }

  /// What the model reads stays what it is.
  public mutating func replaceHead(outputs: Int) {
    symbols = symbols ?? self.outputs
    self.outputs = outputs
  }
}
