import AviaryTensors

/// A way in which nothing can be sampled.
public enum SamplingFault: Error, Equatable, CustomStringConvertible {
  /// There is nothing to go on from.
  case emptyPrompt
  /// The model cannot read a token of the prompt.
  case badToken(token: Int32, position: Int, symbols: Int)
  /// The model predicts tokens that it cannot read, or the other way round.
  case differentVocabularies(reads: Int, predicts: Int)
  /// A number is out of its range.
  case outOfRange(name: String, value: String, allowed: String)
  /// The model's logits are no numbers after `drawn` tokens.
  case notFinite(drawn: Int)

  public var description: String {
    switch self {
    case .emptyPrompt: "the prompt is empty; give at least one character to begin with"
    case .badToken(let token, let position, let symbols):
      "token \(token) at position \(position) of the prompt is outside of the \(symbols) tokens that the model reads"
    case .differentVocabularies(let reads, let predicts):
      "the model reads \(reads) characters but predicts \(predicts), so it cannot continue its own text"
    case .outOfRange(let name, let value, let allowed): "\(name) is \(value); it has to be \(allowed)"
    case .notFinite(let drawn):
      "the network's outputs are not finite after \(drawn) characters; its weights may not be: try aviary verify"
    }
  }
}

/// How the next token is chosen.
public struct Sampling: Sendable, Equatable {
  /// What logits are divided by: below 1 the likely becomes more likely; 0 takes the likeliest always.
  public var temperature: Float
  /// How many of the likeliest tokens are drawn from; nil for all.
  public var topK: Int?

  /// Sampling at a temperature, from the K likeliest symbols; nil for all.
  public init(temperature: Float = 1, topK: Int? = nil) {
    self.temperature = temperature
    self.topK = topK
  }

  /// Checks every value.
  public func validate() throws(SamplingFault) {
    guard temperature.isFinite, temperature >= 0 else {
      throw .outOfRange(name: "temperature", value: "\(temperature)", allowed: "0 or more")
    }
    guard topK ?? 1 >= 1 else { throw .outOfRange(name: "topK", value: "\(topK ?? 0)", allowed: "at least 1") }
  }

  /// The token drawn for logits, of which equal ones are taken in their order. None is NaN, and the largest is finite.
  func choose(_ logits: [Float], _ stream: inout RandomStream) -> Int32 {
    let order = logits.indices.sorted { logits[$0] != logits[$1] ? logits[$0] > logits[$1] : $0 < $1 }
    if temperature == 0 { return Int32(order[0]) }
    let candidates = order.prefix(topK ?? order.count)
    let largest = logits[order[0]]
    let scaled = Tensor(candidates.map { (logits[$0] - largest) / temperature }, shape: [1, candidates.count])
    // 53 random bits, so that rare tokens have their share.
    var left = Double(stream.next() >> 11) * 0x1p-53
    for (candidate, probability) in zip(candidates, softmax(scaled).scalars) {
      left -= Double(probability)
      if left < 0 { return Int32(candidate) }
    }
    return Int32(order[0])
  }
}

extension LanguageModel {
  /// Writes on: the tokens that follow the prompt, each drawn from what the model predicts after all before it.
  ///
  /// - Parameters:
  ///   - prompt: what to go on from, at least one token.
  ///   - length: how many tokens are drawn.
  ///   - stream: the random numbers; the same stream gives the same text.
  public func sample(
    after prompt: [Int32], length: Int, sampling: Sampling = Sampling(), stream: RandomStream
  ) throws(SamplingFault) -> [Int32] {
    try sampling.validate()
    guard symbols == configuration.outputs else {
      throw .differentVocabularies(reads: symbols, predicts: configuration.outputs)
    }
    guard length >= 0 else { throw .outOfRange(name: "length", value: "\(length)", allowed: "0 or more") }
    guard !prompt.isEmpty else { throw .emptyPrompt }
    if let place = prompt.firstIndex(where: { $0 < 0 || $0 >= symbols }) {
      throw .badToken(token: prompt[place], position: place, symbols: symbols)
    }
    return try inference { () throws(SamplingFault) in
      var stream = stream
      var drawn: [Int32] = []
      drawn.reserveCapacity(length)
      var tokens = prompt
      var state: State?
      while drawn.count < length {
        let (logits, last) = self(tokens: IntTensor(tokens, shape: [1, tokens.count]), state: state)
        state = last
        let next = Array(logits.scalars.suffix(configuration.outputs))
        guard let largest = next.max(), largest.isFinite, !next.contains(where: \.isNaN) else {
          throw .notFinite(drawn: drawn.count)
        }
        tokens = [sampling.choose(next, &stream)]
        drawn += tokens
      }
      return drawn
    }
  }
}
