import ArgumentParser
import Aviary

/// What a table means for a network whose file does not say how its tables were prepared, such as a Keras model.
struct ColumnOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The column to predict, for a network of another program, which is given the other columns' numbers as they are.",
      valueName: "column"))
  var target: String?
  @Option(
    help: ArgumentHelp("Columns that a network of another program is not given.", valueName: "column,..."))
  var exclude: String?
  @Option(
    help: ArgumentHelp("What several outputs are (classification) if the file does not say.", valueName: "name"))
  var task: TableSettings.Task?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How many rows a network of another program reads at once, if the file does not say.", valueName: "n"))
  var window: Int?

  func validate() throws { try checkOption("--window", window, in: 1...SeriesSettings.limit) }

  /// - Parameter classes: in the order of the outputs; empty for numbers.
  func columns(classes: [String]) -> PlainColumns {
    PlainColumns(
      target: target, excluded: exclude.map { $0.split(separator: ",").map { trimmed($0) } } ?? [], classes: classes)
  }

  /// Refuses the options for a checkpoint that knows its columns.
  func requireNone(path: String) throws(CommandFault) {
    let given: [(name: String, isGiven: Bool)] = [
      ("--target", target != nil), ("--exclude", exclude != nil), ("--task", task != nil), ("--window", window != nil),
    ]
    if let option = given.first(where: \.isGiven) { throw .knownColumns(path: path, option: option.name) }
  }
}
