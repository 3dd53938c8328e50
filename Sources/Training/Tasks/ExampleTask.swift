import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors

/// Examples in memory, each with a class or with a number: rows of a table, windows of a series, texts.
protocol Examples {
  var count: Int { get }
  /// The class of the example at a place, of a classification.
  func label(_ place: Int) -> Int32
  /// [N, 1] of the examples at the places given, of a regression.
  func targets(_ places: [Int]) -> Tensor
}

extension TablePart: Examples {
  func label(_ place: Int) -> Int32 { labels[place] }
}

/// What is learned from, and what it is judged by.
struct ExampleParts<Part: Examples> {
  let training: Part
  let validation: Part?
  let test: Part?
  let isRegression: Bool
  /// How many were left out.
  var skipped = 0
  /// How many are judged at once.
  var judgedAtOnce = 1024
}

/// Learning the class of an example, or its number.
final class ExampleTask<Model: Network, Part: Examples>: TrainingTask {
  let model: Model
  let metadata: Checkpoint.Metadata
  let items: String
  var skipped: Int { data.skipped }
  private let options: TrainingOptions
  private let data: ExampleParts<Part>
  private let outputs: (Part, [Int]) -> Tensor

  /// - Parameter outputs: what the model makes of the examples at the places given.
  init(
    model: Model, metadata: Checkpoint.Metadata, items: String, options: TrainingOptions, data: ExampleParts<Part>,
    outputs: @escaping (_ part: Part, _ places: [Int]) -> Tensor
  ) {
    self.model = model
    self.metadata = metadata
    self.items = items
    self.options = options
    self.data = data
    self.outputs = outputs
  }

  var batchesPerEpoch: Int { (data.training.count + options.batchSize - 1) / options.batchSize }

  func batches(epoch: Int, startingAt start: Int) throws -> LazyMapSequence<Range<Int>, [Int]> {
    var random = RandomStream(seed: options.seed, purpose: "row order", step: UInt64(epoch))
    let order = random.permutation(data.training.count)
    let size = options.batchSize
    return (min(start, batchesPerEpoch)..<batchesPerEpoch).lazy.map {
      Array(order[$0 * size..<Swift.min(order.count, ($0 + 1) * size)])
    }
  }

  /// One example has no statistics that could be learned from.
  func count(_ batch: [Int]) -> Int { batch.count == 1 && model.learnsFromStatistics ? 0 : batch.count }

  func loss(_ batch: [Int], step number: Int) -> (loss: Tensor, outputs: Tensor) {
    let outputs = outputs(data.training, batch)
    return (loss(outputs, data.training, batch), outputs)
  }

  private func loss(_ outputs: Tensor, _ part: Part, _ places: [Int]) -> Tensor {
    data.isRegression
      ? meanSquaredError(outputs, target: part.targets(places))
      : crossEntropy(outputs, labels: IntTensor(places.map(part.label)))
  }

  func correct(_ outputs: Tensor, _ batch: [Int]) -> Int? {
    data.isRegression ? nil : zip(outputs.argmax(), batch).count { $0 == Int(data.training.label($1)) }
  }

  func validate() throws -> Scores? { try data.validation.map(scores) }

  func test() throws -> Scores? { try data.test.map(scores) }

  private func scores(_ part: Part) throws -> Scores {
    var (sum, correct) = (0.0, 0)
    for start in stride(from: 0, to: part.count, by: data.judgedAtOnce) {
      if Interruption.isRequested { throw EvaluationInterrupted() }
      let places = Array(start..<Swift.min(part.count, start + data.judgedAtOnce))
      let (mean, predicted) = inference { () -> (Double, [Int]) in
        let outputs = outputs(part, places)
        return (Double(loss(outputs, part, places).scalar), data.isRegression ? [] : outputs.argmax())
      }
      sum += mean * Double(places.count)
      correct += zip(predicted, places).count { $0 == Int(part.label($1)) }
    }
    let count = Double(part.count)
    return Scores(loss: sum / count, accuracy: data.isRegression ? nil : Double(correct) / count)
  }
}
