import ArgumentParser
import Aviary

struct AverageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "average", abstract: "Average the weights of several checkpoints of the same network.",
    discussion: """
      All checkpoints must have the same tensors with the same shapes and types. Floating-point tensors are averaged in \
      double precision and keep their type; integer tensors, such as batch counters, and the metadata except for the \
      metrics are taken from the first checkpoint. Class thresholds are kept if all checkpoints have the same.

      With --data the average and the checkpoints are evaluated. If the average is less good than the best of them, the \
      command fails and writes nothing, unless --force is given: weights of networks that were trained apart are often \
      worth less when they are averaged. The networks themselves can answer together: aviary predict A B PHOTO.jpg.
      """)

  @Argument(help: ArgumentHelp("The checkpoints, at least two.", valueName: "file")) var files: [String]
  @Option(help: ArgumentHelp("The file to write; its extension decides the format.", valueName: "file"))
  var output: String
  @Flag(inversion: .prefixedNo, help: "Verify the files' checksums.") var verify = true
  @Flag(help: "Follow external links and virtual datasets of HDF5 files to files in their folders or below.")
  var follow = false
  @Option(
    help: ArgumentHelp(
      "Labelled data, as for evaluate, on which the average must not be less good than the best checkpoint.",
      valueName: "data"))
  var data: String?
  @Option(
    help: ArgumentHelp(
      "The part of the data (validation if the checkpoints held some out of the training, else as for evaluate).",
      valueName: "part"))
  var part: EvaluationPart?
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var overwrite: OverwriteOptions
  @OptionGroup var console: ConsoleOptions
  @OptionGroup var weights: WeightsOptions

  func validate() throws {
    guard files.count >= 2 else { throw ValidationError("give at least two checkpoints to average") }
    if part != nil, data == nil { throw ValidationError("--part needs --data") }
  }

  func run() throws {
    try ConvertCommand.check(output: output)
    let checkpoints = try files.map { file in
      let path = try weights.path(of: file)
      let checkpoint = try Checkpoint.read(from: path, options: .init(verify: verify, follow: follow))
      try requireWhole(checkpoint, path)
      return (path, checkpoint)
    }
    var result = try Checkpoint.average(checkpoints.map { (file: $0.0, checkpoint: $0.1) })
    try result.metadata.keepTrainings(ofAveraged: checkpoints.map(\.1.metadata))
    if result.entries.isEmpty { throw CheckpointFault.noTensors(path: files[0]) }
    for tensor in result.nonfinite { tell("note: \(tensor) is not finite") }
    if let lost = checkpoints.first(where: { $0.1.metadata.thresholds != nil }), result.metadata.thresholds == nil {
      tell(
        "note: not all checkpoints have the class thresholds of \(lost.0): the average has none, and predicts the most "
          + "probable class")
    }
    let scores = try data.map { try compared(checkpoints, average: result, on: try weights.dataPath($0)) }
    if ConvertCommand.needsDots(output) { result = try result.dotted() }
    try overwrite.check(output, for: .checkpoint(result.paths))
    try result.write(to: output)
    let kept = result.entries.filter { !$0.array.dtype.isFloatingPoint }.count
    if json {
      var object: [JSONValue.Member] = [
        .init("output", .text(output)), .init("averaged", .integer(result.entries.count - kept)),
        .init("copied", .integer(kept)), .init("checkpoints", .texts(files)),
      ]
      if let scores { object.append(.init("scores", Self.object(scores, files))) }
      return printJSON(JSONValue.object(object))
    }
    show("\(counted(result.entries.count - kept, "tensor")) averaged over \(counted(files.count, "checkpoint"))")
    if kept > 0 { show("\(counted(kept, "tensor")) of integers copied from \(files[0])") }
    show("\(output): written")
  }

  /// The scores of the checkpoints, and of their average at the end.
  ///
  /// - Throws: where the average is less good than the best of them, unless --force is given.
  private func compared(
    _ checkpoints: [(String, Checkpoint)], average: Checkpoint, on data: String
  ) throws -> EnsembleScores {
    let kind = try DataSource.kind(of: data)
    let opened = (checkpoints + [("average", average)]).map { OpenedCheckpoint(path: $0.0, checkpoint: $0.1) }
    func scores(_ part: EvaluationPart?) throws -> EnsembleScores {
      let source = try EnsembleSource(opened, on: data, kind, part: part)
      var scores = EnsembleScores(source, .mean, EnsembleWeights(count: opened.count))
      _ = try source.scan(data, part) { scores.add($0) }
      return scores
    }
    let found: EnsembleScores
    // What chose the best epochs may choose here, and the test part may not.
    do { found = try scores(part ?? .validation) } catch CommandFault.noPart where part == nil {
      found = try scores(nil)
    }
    let members = Array(files.indices)
    for (place, name) in (files + ["average"]).enumerated() { tell("\(name): \(found.shown(found.score(place)))") }
    tell(found.method)
    let best = members.max { (found.score($0)?.value ?? 0) < (found.score($1)?.value ?? 0) } ?? 0
    let least = members.min { (found.score($0)?.value ?? 0) < (found.score($1)?.value ?? 0) } ?? 0
    let chosen = found.isRegression ? least : best
    let (own, other) = (found.score(files.count)?.value ?? .nan, found.score(chosen)?.value ?? .nan)
    let isGood = found.isRegression ? own <= other : own >= other
    if !isGood, !overwrite.force {
      throw CommandFault.worseAverage(
        score: found.shown(found.score(files.count)), best: found.shown(found.score(chosen)), path: files[chosen])
    }
    if !isGood { tell("the average is less good than \(files[chosen]); it is written because of --force") }
    return found
  }

  private static func object(_ scores: EnsembleScores, _ files: [String]) -> JSONValue {
    let name = scores.isRegression ? "rmse" : "accuracy"
    let list = (files + ["average"]).enumerated().map { place, file -> JSONValue in
      let score = scores.score(place)
      return .object([
        .init("checkpoint", .text(file)), .init(name, .real(score?.value)),
        .init(
          name + "_interval", score?.interval.map { .array([.real($0.lower), .real($0.upper)]) } ?? .null),
      ])
    }
    return .array(list)
  }
}
