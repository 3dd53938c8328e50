import AviaryArchives

/// The reports of a run as two tables in its folder, which are saved with its state: a resumed run goes on with those that
/// belong to it.
final class StepLog {
  static let stepsName = "steps.csv"
  static let layersName = "layers.csv"
  private static let stepsHeader = "step,epoch,loss,accuracy,learning_rate,gradient_norm,images_per_second"
  private static let layersHeader = "step,layer,gradient_norm,dead_relus"

  private var steps: [String] = []
  private var layers: [String] = []
  private var isSaved = true
  /// Whether every step has a row, and not only those that are looked into.
  private let everyStep: Bool

  init(everyStep: Bool = false) { self.everyStep = everyStep }

  /// Takes over what a run has logged up to the step at which it is resumed.
  func open(_ folder: RunFolder, upTo step: Int) throws(RunFault) {
    guard step > 0 else { return }
    steps = try Self.rows(in: folder.steps, upTo: step)
    layers = try Self.rows(in: folder.layers, upTo: step)
  }

  private static func rows(in path: String, upTo step: Int) throws(RunFault) -> [String] {
    guard FileSystem.exists(path) else { return [] }
    let text: String
    do throws(ArchiveFault) {
      text = String(decoding: try MappedFile(path: path, map: false).bytes.array(), as: UTF8.self)
    } catch {
      throw .cannotRead(path: path, reason: "\(error)")
    }
    return text.split(separator: "\n").filter { line in
      line.split(separator: ",").first.flatMap { Int($0) }.map { (1...step).contains($0) } ?? false
    }.map(String.init)
  }

  func add(_ report: StepReport) {
    isSaved = false
    if !everyStep {
      let numbers = [
        report.scores.loss, report.scores.accuracy, report.learningRate, report.gradientNorm, report.itemsPerSecond,
      ]
      steps.append("\(report.step),\(report.epoch)," + Self.fields(numbers))
    }
    for layer in report.layers {
      layers.append("\(report.step),\(Self.quoted(layer.path))," + Self.fields([layer.gradientNorm, layer.deadRelus]))
    }
  }

  /// Takes in one step, where every step has a row.
  func add(
    _ result: StepResult, step: Int, epoch: Int, learningRate: Double, gradientNorm: Double?, itemsPerSecond: Double?
  ) {
    isSaved = false
    let accuracy = result.correct.map { Double($0) / Double(result.count) }
    steps.append(
      "\(step),\(epoch)," + Self.fields([result.loss, accuracy, learningRate, gradientNorm, itemsPerSecond]))
  }

  /// What is absent is an empty field.
  private static func fields(_ numbers: [Double?]) -> String {
    numbers.map { $0.map { "\(significant($0, 6))" } ?? "" }.joined(separator: ",")
  }

  private static func quoted(_ name: String) -> String {
    name.contains(where: { ",\"\n\r".contains($0) })
      ? "\"" + name.replacing("\"", with: "\"\"").replacing("\n", with: " ") + "\"" : name
  }

  func write(to folder: RunFolder) throws(RunFault) {
    if isSaved { return }
    try folder.write(([Self.stepsHeader] + steps).joined(separator: "\n") + "\n", to: folder.steps)
    if !layers.isEmpty || !everyStep {
      try folder.write(([Self.layersHeader] + layers).joined(separator: "\n") + "\n", to: folder.layers)
    }
    isSaved = true
  }
}
