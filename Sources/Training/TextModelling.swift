import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors

// What a character model does with text: its loss on a batch and over a whole text, and writing on.

extension LanguageModel {
  /// The mean loss on a batch, in nats a character, and the states to carry on to the next one.
  ///
  /// - Parameter state: what the batch before left; a batch that does not continue it begins anew.
  public func loss(on batch: TextBatch, state: State?) -> (loss: Tensor, state: State) {
    loss(tokens: batch.inputs, targets: batch.targets, state: batch.isContinued ? state : nil)
  }

  /// The mean loss over a text, in nats a character, in one pass with carried states.
  ///
  /// - Parameters:
  ///   - streams: how many parts of the text are read side by side. With one, every character but the first is predicted
  ///     from all before it; with more it is faster, each part beginning without states.
  ///   - steps: how many characters are read at once. It changes nothing but speed.
  public func meanLoss(over tokens: [Int32], streams: Int = 1, steps: Int = 256) throws(TextFault) -> Double {
    let batches = try TextStreams(tokens, streams: streams, steps: steps, keepingRest: true)
    return inference {
      var state: State?
      var sum = 0.0
      for number in 0..<batches.count {
        let batch = batches[number]
        let (loss, last) = loss(on: batch, state: state)
        state = last
        sum += Double(loss.scalar) * Double(batch.targets.scalars.count)
      }
      return sum / Double(batches.predictions)
    }
  }

  /// Writes on: the text that follows the prompt. See `sample(after:length:sampling:stream:)`.
  ///
  /// - Parameter vocabulary: the characters that the model was trained on.
  public func sample(
    prompt: String, vocabulary: CharacterVocabulary, length: Int, sampling: Sampling = Sampling(),
    stream: RandomStream
  ) throws -> String {
    guard vocabulary.count == configuration.outputs else {
      throw SamplingFault.differentVocabularies(reads: vocabulary.count, predicts: configuration.outputs)
    }
    let tokens = try vocabulary.encode(prompt)
    return vocabulary.decode(try sample(after: tokens, length: length, sampling: sampling, stream: stream))
  }
}
