// The examples in the documentation of declarations, each in a function that makes it compile. Those that need no files run.
import Aviary
import AviaryExplanations
import AviaryHub
import AviaryPictures
import AviarySQLite
import Foundation

struct Recordings: Dataset {
  let files: [String]
  let labels: [Int32]
  var count: Int { files.count }
  func item(at place: Int, epoch: Int) throws -> (Int, [Float]) { (place, try samples(of: files[place])) }
  func batch(of items: [(Int, [Float])]) -> LabeledBatch<Tensor> {
    let inputs = Tensor(items.flatMap(\.1), shape: [items.count, items[0].1.count])
    return LabeledBatch(inputs, .classes(IntTensor(items.map { labels[$0.0] })))
  }
}

func samples(of file: String) throws -> [Float] { [Float](repeating: Float(file.utf8.count), count: 4) }

func loading(_ recordings: Recordings, epoch: Int) {
  for batch in DataLoader(recordings, batchSize: 32, seed: 1, shuffled: true, epoch: epoch, workers: 4) {
    print(batch.inputs.shape)
  }
}

func cubed(_ x: Tensor) -> Tensor {
  customOperation("cubed", inputs: [x]) {
    $0[0] * $0[0] * $0[0]
  } pullback: { gradient, inputs, _ in
    [gradient * inputs[0] * inputs[0] * 3]
  }
}

func traced(_ model: some UnaryLayer, _ images: Tensor) {
  let (logits, trace) = tracing(images) { inference { model(images) } }
  for node in trace.nodes { print(node.path, node.operation, trace.shapes(of: node)) }
  print(logits.shape)
}

func written(_ model: some Classifier, _ preprocessing: Preprocessing) throws {
  let checkpoint = model.checkpoint(architecture: "resnet18", classes: ["cat", "dog"], preprocessing: preprocessing)
  try checkpoint.write(to: "classifier.h5")
}

func explained(_ network: some UnaryLayer, _ photograph: Tensor) throws {
  let explainer = Explainer(network)
  let map = try explainer.gradCAM(photograph, 3)
  let gradients = try explainer.saliency(photograph, 3)
  print(map.values.shape, gradients.shape)
}

func quantized(_ model: some UnaryLayer, _ batches: [Tensor]) throws {
  let calibration = Calibration(of: model)
  for batch in batches { calibration.observe { _ = model(batch) } }
  try calibration.quantize()
}

func differentiated(_ model: some UnaryLayer, _ images: Tensor, _ labels: IntTensor) {
  let (loss, gradients, logits) = valueWithGradients(of: model.parameters) {
    let logits = model(images)
    return (crossEntropy(logits, labels: labels), logits)
  }
  print(loss.scalar, gradients.globalNorm, logits.shape)
}

func stepped(_ model: some UnaryLayer, _ optimizer: Optimizer, _ images: Tensor, _ labels: IntTensor) throws {
  let (loss, logits) = try optimizer.trainingStep(model.parameters, learningRate: 1e-3) {
    let logits = model(images)
    return (crossEntropy(logits, labels: labels), logits)
  }
  print(loss, logits.shape)
}

/// A layer whose blocks have names of their own in files, as DenseNet's.
struct Blocks: Layer {
  let blocks: [Linear]
  var children: [Child] { blocks.enumerated().map { Child("denselayer\($0 + 1)", $1) } }
}

/// A model of two inputs.
struct Matcher: Layer {
  let question, document: Linear
  func callAsFunction(_ q: Tensor, _ d: Tensor) -> Tensor { (question(q) * document(d)).sum(over: [1]) }
}

func matched(_ frozen: InferenceModel<Matcher>, _ question: Tensor, _ document: Tensor) {
  let scores = frozen.run { model in model(question, document) }
  print(scores.shape)
}

func enqueued(_ model: InferenceClassifier, _ images: Tensor) async {
  let logits = await Compute.enqueue { model(images) }
  print(logits.shape)
}

func predicted() throws {
  let predictor = try ImagePredictor(Checkpoint.read(from: "pets.h5"), registry: .zoo, path: "pets.h5")
  for answer in try predictor.predict(file: "photo.jpg").prefix(3) { print(answer.name, answer.probability) }
}

func classified(_ model: some NodeClassifier) throws {
  let collection = try GraphCollection(path: "MUTAG")
  let data = try GraphClassification(collection, NodeEncoding(fitting: collection), propagation: model.propagation)
  print(data.probabilities(model)[0])
}

func fitted(_ model: some UnaryLayer, _ recordings: Recordings, _ options: TrainingOptions) throws {
  let data = try DatasetParts(splitting: recordings, validation: 0.2)
  let task = SupervisedTask(model, on: data, options, workers: 4)
  let report = try fit(task, options, in: "runs/first")
  print(report.folder)
}

func named() throws {
  let checkpoint = try Checkpoint.named("resnet18-imagenet")
  let model = try Registry.zoo.classifier(from: checkpoint, path: "resnet18-imagenet").model
  print(model.headPath)
}

func drawn() throws {
  var drawing = Drawing(width: 200, height: 100, title: "Two birds")
  drawing.rectangle(.init(x: 10, y: 10, width: 80, height: 80), fill: .series(0))
  drawing.text("鸟", at: .init(x: 50, y: 50), horizontal: .center)
  try drawing.write(to: "birds.svg")
}

func divided(_ labels: [Int], by animals: [Int]) throws {
  for fold in try Folds(labels: labels, groups: animals, folds: 5, seed: 1).all {
    print(fold.training.count, fold.held.count)
  }
}

func stored() throws {
  let database = try SQLiteDatabase(path: "birds.sqlite")
  try database.execute("CREATE TABLE birds (name TEXT, grams REAL)")
  try database.transaction {
    try database.execute("INSERT INTO birds VALUES (?, ?)", [.text("wren"), .real(9)])
  }
  let names = try database.rows("SELECT name FROM birds").map { $0[0].text }
  print(names)
}

func sharing(_ trials: [TrainingOptions], _ network: Architecture) throws {
  let shared = SharedReadings(folder: "search.runs")
  try SharedReadings.$current.withValue(shared) {
    for (number, options) in trials.enumerated() {
      let place = "runs/\(number)"
      _ = try NetworkTraining.start(options, from: .scratch(network), registry: .zoo, at: place) { print($0) }
    }
  }
}

func together() throws {
  let ensemble = try ImageEnsemble(
    ["a.h5", "b.h5"].map { path in
      (path, try ImagePredictor(Checkpoint.read(from: path), registry: .zoo, path: path))
    })
  print(ensemble.members.count)
}

func folded(_ given: TrainingOptions, _ network: Architecture) throws {
  var options = given
  options.members = .folds(5)
  let report = try MemberTraining.start(
    options, from: .scratch(network), registry: .zoo, at: "runs/folds"
  ) { print($0) }
  print(report.summary?.scores["accuracy"]?.mean ?? 0)
}

let model = Sequential([Linear(4, 8), Activation.relu, Linear(8, 3)])
model.initialize(seed: 1)
let images = Tensor(uniform: 0, 1, seed: 2, shape: [5, 4])
let labels: IntTensor = [0, 1, 2, 0, 1]
traced(model, images)
differentiated(model, images, labels)
try stepped(model, Optimizer(OptimizerConfiguration(.adam, learningRate: 1e-3)), images, labels)
loading(Recordings(files: ["a", "bc"], labels: [0, 1]), epoch: 0)
let blocks = Blocks(blocks: [Linear(2, 2), Linear(2, 2)])
blocks.initialize(seed: 1)
print(cubed(images).shape, blocks.namedParameters().map(\.path))
let matcher = Matcher(question: Linear(4, 2), document: Linear(4, 2))
matcher.initialize(seed: 1)
matched(matcher.frozenForInference(), images, images)
try quantized(model, [images])
