import ArgumentParser
import Aviary
import AviaryArchives

/// Where `predict` writes its predictions, beside printing them.
struct PredictionOutputOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Write the predictions to a table, a row for each: .csv, .tsv, .jsonl (the objects of --json, one a line), or .sqlite (a table called predictions).",
      valueName: "file"))
  var output: String?
  @Flag(help: "Write over an existing --output.") var force = false

  func validate() throws {
    guard let output else {
      if force { throw ValidationError("--force needs --output") }
      return
    }
    if WrittenPredictions.Format(path: output) == nil {
      throw ValidationError("--output \(output): the name has to end in .csv, .tsv, .jsonl or .sqlite")
    }
  }

  /// Refuses to write over a file, before anything is computed.
  func check() throws(CommandFault) {
    guard let output, !force, FileSystem.exists(output) else { return }
    throw .wouldOverwrite(path: output, found: "kept")
  }

  func write(_ predictions: [JSONValue]) throws {
    guard let output, let format = WrittenPredictions.Format(path: output) else { return }
    try WrittenPredictions(predictions, format).write(to: output)
  }
}

/// Predictions as a file holds them.
struct WrittenPredictions {
  enum Format: String, CaseIterable {
    case csv, tsv, jsonl, sqlite

    /// nil for an ending that is not known.
    init?(path: String) {
      let name = path.lowercased()
      guard let format = Self.allCases.first(where: { name.hasSuffix("." + $0.rawValue) }) else {
        guard name.hasSuffix(".ndjson") || name.hasSuffix(".db") else { return nil }
        self = name.hasSuffix(".db") ? .sqlite : .jsonl
        return
      }
      self = format
    }
  }

  private let predictions: [JSONValue]
  private let format: Format

  /// - Parameter predictions: objects, as `--json` has them.
  init(_ predictions: [JSONValue], _ format: Format) {
    self.predictions = predictions
    self.format = format
  }

  /// Replaces the file at a path, completely or not at all.
  func write(to path: String) throws {
    switch format {
    case .jsonl: try write(predictions.map { $0.serialized + "\n" }.joined(), to: path)
    case .csv: try write(PredictionColumns(predictions).text(separator: ","), to: path)
    case .tsv: try write(PredictionColumns(predictions).text(separator: "\t"), to: path)
    case .sqlite: try PredictionColumns(predictions).writeDatabase(to: path)
    }
  }

  private func write(_ text: String, to path: String) throws {
    tellOfBytes(in: text)
    try writeDurably([ByteRegion(Array(text.utf8))], to: path)
  }
}
