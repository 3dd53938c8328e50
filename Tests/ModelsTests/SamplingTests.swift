import AviaryTensors
import Testing

@testable import AviaryLayers
@testable import AviaryModels

@Suite struct SamplingTests {
  static func stream(_ seed: UInt64) -> RandomStream { RandomStream(seed: seed, purpose: "sample") }

  /// How often each token is drawn.
  static func frequencies(_ logits: [Float], _ sampling: Sampling, draws: Int = 4000) -> [Double] {
    var stream = stream(1)
    var counts = [Double](repeating: 0, count: logits.count)
    for _ in 0..<draws { counts[Int(sampling.choose(logits, &stream))] += 1 }
    return counts.map { $0 / Double(draws) }
  }

  /// Probabilities 0.1, 0.2, 0.3 and 0.4.
  static let logits: [Float] = [-2.302585, -1.609438, -1.203973, -0.916291]

  @Test func tokensAreDrawnWithTheirProbabilities() {
    // Five standard deviations of 4,000 draws.
    for (found, expected) in zip(Self.frequencies(Self.logits, Sampling()), [0.1, 0.2, 0.3, 0.4]) {
      #expect(abs(found - expected) < 0.04)
    }
    // Squared and made to sum to one.
    for (found, expected) in zip(
      Self.frequencies(Self.logits, Sampling(temperature: 0.5)), [1.0, 4, 9, 16].map({ $0 / 30 }))
    {
      #expect(abs(found - expected) < 0.04)
    }
    let two = Self.frequencies(Self.logits, Sampling(topK: 2))
    #expect(two[0] == 0 && two[1] == 0 && abs(two[2] - 3.0 / 7) < 0.04)
  }

  @Test func temperatureZeroIsGreedy() {
    #expect(Self.frequencies(Self.logits, Sampling(temperature: 0), draws: 20) == [0, 0, 0, 1])
    #expect(
      Self.frequencies([1, 3, 3, 2], Sampling(temperature: 0), draws: 20) == [0, 1, 0, 0], "the first of equals")
    #expect(Self.frequencies([-.infinity, 1, -.infinity], Sampling(), draws: 20) == [0, 1, 0])
    #expect(Self.frequencies(Self.logits, Sampling(temperature: 1e-30), draws: 20) == [0, 0, 0, 1])
  }

  static func model() -> CharacterModel {
    let model = CharacterModel(.toy)
    model.initialize(seed: 5)
    return model
  }

  @Test func theSameStreamWritesTheSame() throws {
    let model = Self.model()
    let first = try model.sample(after: [1, 2], length: 40, stream: Self.stream(1))
    #expect(first.count == 40 && first.allSatisfy { (0..<7).contains($0) })
    #expect(try model.sample(after: [1, 2], length: 40, stream: Self.stream(1)) == first)
    #expect(try model.sample(after: [1, 2], length: 40, stream: Self.stream(2)) != first)
    #expect(try model.sample(after: [1, 2], length: 0, stream: Self.stream(1)) == [])
  }

  /// The states carried from token to token are those of the whole text read at once.
  @Test func writingOnReadsAllThatCameBefore() throws {
    let model = Self.model()
    var text: [Int32] = [3, 1]
    let written = try model.sample(
      after: text, length: 12, sampling: Sampling(temperature: 0), stream: Self.stream(1))
    for token in written {
      let logits = model(tokens: IntTensor(text, shape: [1, text.count])).logits.scalars.suffix(7)
      #expect(logits.max() == logits[logits.startIndex + Int(token)])
      text.append(token)
    }
  }

  @Test func whatCannotBeSampledIsAFault() throws {
    let model = Self.model()
    func fault(_ prompt: [Int32], _ sampling: Sampling = Sampling(), length: Int = 3) -> SamplingFault? {
      do throws(SamplingFault) {
        _ = try model.sample(after: prompt, length: length, sampling: sampling, stream: Self.stream(1))
        return nil
      } catch { return error }
    }
    #expect(fault([]) == .emptyPrompt)
    #expect(fault([0, 7]) == .badToken(token: 7, position: 1, symbols: 7))
    #expect(fault([-1]) == .badToken(token: -1, position: 0, symbols: 7))
    #expect(fault([0], length: -1) != nil && fault([0], Sampling(topK: 0)) != nil)
    for temperature in [-1, Float.nan, .infinity] { #expect(fault([0], Sampling(temperature: temperature)) != nil) }
    #expect(fault([0], Sampling(topK: 100)) == nil)
    let other = model.replacingHead(outputs: 3, seed: 1)
    #expect(throws: SamplingFault.differentVocabularies(reads: 7, predicts: 3)) {
      try other.sample(after: [0], length: 1, stream: Self.stream(1))
    }
    let bias = try #require(model.namedParameters().last { $0.path.hasSuffix("bias") }).parameter
    for odd in [Float.nan, .infinity] {
      bias.assign(Tensor([0, 0, odd, 0, 0, 0, 0], shape: [7]))
      #expect(fault([0, 1]) == .notFinite(drawn: 0))
    }
    bias.assign(Tensor([0, 0, -.infinity, 0, 0, 0, 0], shape: [7]))
    #expect(fault([0, 1], length: 40) == nil)
  }
}
