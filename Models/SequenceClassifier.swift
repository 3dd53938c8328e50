// Many to one: a recurrent network that reads a whole sequence and then answers.
//
// Classes of sequences (names by language, gestures), or numbers to estimate, such as the next value of a time series: the
// same network, whose outputs are then not logits but the estimates.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// A recurrent network with one answer for each sequence: [N, T, I] → [N, classes].
public struct SequenceClassifier: SequenceReader {
  /// What the head is given.
  public enum Readout: String, Codable, Sendable {
    /// The state at the sequence's end, of both directions where there are two.
    case last
    /// The mean of the outputs at all steps.
    case mean
  }

  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: SequenceConfiguration {
    private enum CodingKeys: String, CodingKey {
      case kind, inputs, symbols, hidden, layers, bidirectional, dropout, readout, headWidths, headActivation
      case outputs = "classes"
    }

    /// The kind of recurrent layers.
    public var kind: RecurrentKind
    /// How many numbers a step of the sequence has: of tokens, how long the vectors are that stand for them.
    public var inputs: Int
    /// How many different tokens there are; nil where sequences are of numbers.
    public var symbols: Int?
    /// The width of the hidden layers.
    public var hidden: Int
    /// The number of layers, one above the other.
    public var layers: Int
    /// Whether sequences are read in both directions.
    public var bidirectional: Bool
    /// The rate of dropout in training.
    public var dropout: Float
    /// What of the sequence the head is given.
    public var readout: Readout
    /// The widths of linear layers between the recurrent ones and the last; none by default.
    public var headWidths: [Int]
    /// What follows each of them.
    public var headActivation: Activation
    /// How many classes the head tells apart, or how many numbers it estimates.
    public var outputs: Int

    /// A configuration of these values.
    public init(
      kind: RecurrentKind = .lstm, inputs: Int = 1, symbols: Int? = nil, hidden: Int = 64, layers: Int = 1,
      bidirectional: Bool = false, dropout: Float = 0, readout: Readout = .last, headWidths: [Int] = [],
      headActivation: Activation = .relu, outputs: Int = 1
    ) {
      self.headWidths = headWidths
      self.headActivation = headActivation
      self.kind = kind
      self.inputs = inputs
      self.symbols = symbols
      self.hidden = hidden
      self.layers = layers
      self.bidirectional = bidirectional
      self.dropout = dropout
      self.readout = readout
      self.outputs = outputs
    }

    public static var addedLater: Set<String> { ["headWidths", "headActivation"] }

    /// One layer of 64 over a series of single numbers.
    public static let lstm = Configuration()
    /// The network with GRU layers.
    public static let gru = Configuration(kind: .gru)
    /// A small one, for tests.
    public static let toy = Configuration(
      kind: .gru, inputs: 3, hidden: 5, layers: 2, bidirectional: true, readout: .mean, outputs: 4)

    /// An input is [T, I], or [T] of single numbers, or empty where sequences are of tokens.
    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("hidden", hidden, in: 1...8192)
      try require("layers", layers, in: 1...32)
      try requireRate("dropout", dropout)
      try require("layers of the head", headWidths.count, in: 0...16)
      for width in headWidths { try require("headWidths", width, in: 1...1_000_000) }
      try requireSequences("the sequence classifier", input: input)
    }

    /// As synthesised, but that what is nil is named as well, so that `symbols` can be changed by its name.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(kind, forKey: .kind)
      try container.encode(inputs, forKey: .inputs)
      try container.encode(symbols, forKey: .symbols)
      try container.encode(hidden, forKey: .hidden)
      try container.encode(layers, forKey: .layers)
      try container.encode(bidirectional, forKey: .bidirectional)
      try container.encode(dropout, forKey: .dropout)
      try container.encode(readout, forKey: .readout)
      try container.encode(headWidths, forKey: .headWidths)
      try container.encode(headActivation, forKey: .headActivation)
      try container.encode(outputs, forKey: .outputs)
    }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      let count = shapes.count(from: 1) { "fc\($0).weight" }
      let widths = (1...max(1, count)).compactMap { shapes.outputs(of: "fc\($0).weight") }
      if let last = widths.last, widths.count == count, count > 1 {
        (headWidths, outputs) = (Array(widths.dropLast()), last)
      } else if let found = shapes.outputs(of: "fc.weight") {
        (headWidths, outputs) = ([], found)
      }
      guard let layer = shapes.recurrent("rnn", kind: kind, member: "kind") else { return }
      (kind, inputs, hidden) = (layer.kind, layer.inputs, layer.hidden)
      (layers, bidirectional) = (layer.layers, layer.bidirectional)
      symbols = shapes.outputs(of: "embed.weight")
    }

    public mutating func complete(changed names: Set<String>) { widenTokens(to: 32, changed: names) }
  }

  public let configuration: Configuration
  private let embed: Embedding?
  private let rnn: any RecurrentLayer
  private let drop: Dropout
  /// The last of them is the head.
  private let linear: [Linear]

  public var headPath: String { linear.count == 1 ? "fc" : "fc\(linear.count)" }
  public var symbols: Int? { configuration.symbols }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    embed = configuration.symbols.map { Embedding($0, configuration.inputs) }
    rnn =
      RecurrentConfiguration(
        kind: configuration.kind, inputs: configuration.inputs, hidden: configuration.hidden,
        layers: configuration.layers, bidirectional: configuration.bidirectional, dropout: configuration.dropout,
        batchFirst: true
      ).layer()
    drop = Dropout(configuration.dropout)
    let widths = [configuration.hidden * (configuration.bidirectional ? 2 : 1)] + configuration.headWidths
    linear = zip(widths, widths.dropFirst() + [configuration.outputs]).map { Linear($0, $1) }
  }

  /// The linear layers are called fc, or fc1, fc2, … where there are several.
  public var children: [Child] {
    (embed.map { [Child("embed", $0)] } ?? []) + [Child("rnn", rnn), Child("drop", drop)]
      + linear.indices.map { Child(linear.count == 1 ? "fc" : "fc\($0 + 1)", linear[$0]) }
  }

  /// The outputs of the recurrent layers at every step, [N, T, I] → [N, T, directions · H], and the states at the end.
  ///
  /// - Parameter lengths: of each sequence, in 1...T; nil where all have T steps.
  public func states(_ x: Tensor, lengths: [Int]? = nil) -> (output: Tensor, state: RecurrentState) {
    // [N, T]: a series of single numbers.
    rnn(x.rank == 2 ? x.reshaped(to: x.shape + [1]) : x, lengths: lengths)
  }

  /// What the head is given: [N, T, I], or [N, T] of single numbers → [N, directions · H], or [N, W] behind further linear layers.
  public func features(_ x: Tensor) -> Tensor { features(x, lengths: nil) }

  /// The same for sequences that end early, at the lengths given.
  public func features(_ x: Tensor, lengths: [Int]?) -> Tensor {
    linear.dropLast().reduce(readout(x, lengths: lengths)) { configuration.headActivation.forward($1($0)) }
  }

  /// What is left of a sequence behind the recurrent layers, [N, directions · H].
  private func readout(_ x: Tensor, lengths: [Int]?) -> Tensor {
    let (output, state) = states(x, lengths: lengths)
    switch configuration.readout {
    case .last:
      let directions = configuration.bidirectional ? 2 : 1
      let first = (configuration.layers - 1) * directions
      return concatenated((0..<directions).map { state.hidden.element(at: first + $0) }, axis: 1)
    case .mean:
      guard let lengths else { return output.mean(over: [1]) }
      // Outputs beyond the end are zero.
      let counts = Tensor(lengths.map { 1 / Float($0) }, shape: [lengths.count, 1])
      return output.sum(over: [1]) * counts
    }
  }

  public func head(_ features: Tensor) -> Tensor { linear[linear.count - 1](drop(features)) }

  /// The answers for sequences that end early, at the lengths given: [N, T, I] → [N, classes].
  public func callAsFunction(_ x: Tensor, lengths: [Int]?) -> Tensor { head(features(x, lengths: lengths)) }

  /// The answers for sequences of tokens: [N, T] → [N, classes].
  public func callAsFunction(tokens: IntTensor, lengths: [Int]? = nil) -> Tensor {
    guard let embed else { stopProgram("SequenceClassifier: it was built for numbers, not for tokens") }
    return head(features(embed(tokens), lengths: lengths))
  }
}

extension Architecture {
  static let sequenceClassifiers = [
    Architecture(
      "sequence-lstm", "LSTM with one answer for a time series, or a text in a table", SequenceClassifier.self, .lstm,
      input: [24],
      kinds: [.tables]),
    Architecture(
      "sequence-gru", "GRU with one answer for a time series, or a text in a table", SequenceClassifier.self, .gru,
      input: [24],
      kinds: [.tables]),
    Architecture(
      "sequence-toy", "a small GRU in both directions, for tests", SequenceClassifier.self, .toy, input: [6, 3],
      kinds: [.tables]),
  ]
}
