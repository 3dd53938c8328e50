import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors
import Testing

@testable import AviaryTraining

@Suite struct TextModellingTests {
  static let text = String(repeating: "the cat sat on the mat. ", count: 20)

  static func model(_ vocabulary: CharacterVocabulary, dropout: Float = 0, kind: RecurrentKind = .lstm)
    -> CharacterModel
  {
    let model = CharacterModel(
      .init(kind: kind, embedding: 8, hidden: 24, layers: 2, dropout: dropout, outputs: vocabulary.count))
    model.initialize(seed: 1)
    return model
  }

  /// A small model learns a sentence by heart, states carried from batch to batch, and then writes it on.
  @Test(arguments: [RecurrentKind.lstm, .gru, .rnnTanh]) func aTinyModelLearns(kind: RecurrentKind) throws {
    let corpus = try TextCorpus(text: Self.text, holdingOut: 0.2)
    let model = Self.model(corpus.vocabulary, dropout: kind == .lstm ? 0.1 : 0, kind: kind)
    let before = try model.meanLoss(over: corpus.heldOut)
    let optimizer = try Optimizer(OptimizerConfiguration(.adam, learningRate: 0.02))
    var step: UInt64 = 0
    for epoch in 0..<25 {
      let batches = try TextStreams(corpus.training, streams: 4, steps: 12, shift: 1, epoch: epoch)
      var state: RecurrentState?
      for number in 0..<batches.count {
        step += 1
        let (_, gradients, last) = valueWithGradients(of: model, noise: Noise(seed: 1, step: step)) {
          model.loss(on: batches[number], state: state)
        }
        state = last
        optimizer.step(model.parameters, gradients.clipped(toNorm: 1), learningRate: 0.02)
      }
    }
    let after = try model.meanLoss(over: corpus.heldOut)
    #expect(before > 2 && after < 0.3, "\(before) nats before, \(after) after")
    let written = try model.sample(
      prompt: "the cat sat on the mat. the cat sat on the ", vocabulary: corpus.vocabulary, length: 5,
      sampling: Sampling(temperature: 0),
      stream: RandomStream(seed: 1, purpose: "sample"))
    #expect(Self.text.contains("on the " + written) || Self.text.contains("the " + written), "\(written)")
  }

  /// One pass is one pass, however it is cut.
  @Test func theMeanLossDoesNotDependOnTheCuts() throws {
    let corpus = try TextCorpus(text: Self.text, holdingOut: 0.2)
    let model = Self.model(corpus.vocabulary, dropout: 0.5)
    let whole = try model.meanLoss(over: corpus.heldOut, steps: 1000)
    for steps in [7, 32, 95] {
      #expect(abs(try model.meanLoss(over: corpus.heldOut, steps: steps) - whole) < 1e-5)
    }
    let logits = model(tokens: IntTensor(Array(corpus.heldOut.dropLast()), shape: [1, corpus.heldOut.count - 1])).logits
    let rows = logits.reshaped(to: [-1, corpus.vocabulary.count])
    let loss = crossEntropy(rows, labels: IntTensor(Array(corpus.heldOut.dropFirst()))).scalar
    #expect(abs(Double(loss) - whole) < 1e-5)
    #expect(abs(try model.meanLoss(over: corpus.heldOut, streams: 4) - whole) < 0.1)
    #expect(throws: TextFault.self) { try model.meanLoss(over: [1]) }
  }

  @Test func aVocabularyOfAnotherSizeIsAFault() throws {
    let model = Self.model(CharacterVocabulary(of: "abc"))
    let stream = RandomStream(seed: 1, purpose: "sample")
    #expect(throws: SamplingFault.self) {
      try model.sample(prompt: "a", vocabulary: CharacterVocabulary(of: "abcd"), length: 1, stream: stream)
    }
    #expect(throws: TextFault.self) {
      try model.sample(prompt: "z", vocabulary: CharacterVocabulary(of: "abc"), length: 1, stream: stream)
    }
  }
}
