import Aviary

// How the tables of a network become its inputs: as its checkpoint says, or as they stand if another program trained it.

extension DataEvaluation {
  enum Prepared {
    case rows(TablePreprocessing)
    case series(SeriesPreprocessing)
    case textColumn(TextColumnPreprocessing)
    case tags(TaggingPreprocessing)
    case translation(TranslationPreprocessing)
    case generation(GenerationPreprocessing)
  }

  /// Whether the network is given numbers as they stand: its file does not say how they were prepared.
  var preparesNothing: Bool { checkpoint.metadata.preprocessing == nil }

  /// The preparation of a table.
  ///
  /// - Parameters:
  ///   - columns: what is not known of the network of another program.
  ///   - needsTarget: whether the table has to hold what is predicted.
  func tablePreparation(for data: String, _ columns: ColumnOptions, needsTarget: Bool) throws -> Prepared {
    if let known = try checkpoint.inputPreparation() {
      try columns.requireNone(path: path)
      switch known {
      case .table(let preprocessing): return .rows(preprocessing)
      case .series(let preprocessing): return .series(preprocessing)
      case .textColumn(let preprocessing): return .textColumn(preprocessing)
      case .tags(let preprocessing): return .tags(preprocessing)
      case .translation(let preprocessing): return .translation(preprocessing)
      case .generation(let preprocessing): return .generation(preprocessing)
      case .unlabeled, .images, .graph, .graphs, .text: throw CommandFault.noTablePreparation(path: path)
      }
    }
    guard model is any Classifier else { throw CommandFault.noTablePreparation(path: path) }
    let table = try Table(csv: data)
    let plain = columns.columns(classes: try plainClasses(columns))
    let prepared = try prepared(table, plain, window: columns.window, needsTarget: needsTarget)
    if columns.task == nil, (model as? KerasNetwork)?.configuration.assumesScores == true {
      tell("\(path): its outputs are taken for scores of classes; if they are numbers, give --task regression")
    }
    return prepared
  }

  private func prepared(
    _ table: Table, _ columns: PlainColumns, window: Int?, needsTarget: Bool
  ) throws -> Prepared {
    let rowFault: any Error
    do {
      try check(input: [try columns.inputs(of: table).count])
      if needsTarget { try requireTarget(columns, table, outputs: columns.classes.isEmpty ? 1 : nil) }
      say(try columns.inputs(of: table).map(\.name))
      return .rows(try TablePreprocessing(asItStands: table, columns))
    } catch let fault as ArchitectureFault { rowFault = fault }

    let inputs = try columns.inputs(of: table, includesTarget: true).map(\.name)
    guard let window = window ?? knownWindow else {
      let takesWindows = (try? check(input: [SeriesSettings.limit, inputs.count])) != nil
      throw CommandFault.unsuitedColumns(
        data: table.path, columns: try columns.inputs(of: table).map(\.name),
        reason: takesWindows
          ? "give --window N, the number of rows that the network reads at once"
          : "\(rowFault); name the target with --target, and leave out other columns with --exclude")
    }
    do { try check(input: [window, inputs.count]) } catch let fault as ArchitectureFault {
      throw CommandFault.unsuitedColumns(
        data: table.path, columns: inputs, reason: "\(fault); leave out other columns with --exclude")
    }
    let series = try SeriesPreprocessing(asItStands: table, columns, window: window)
    if needsTarget, !series.knowsTarget { try requireTarget(columns, table, outputs: 1) }
    if needsTarget, !columns.classes.isEmpty || model.outputCount != 1 {
      throw CommandFault.otherOutputs(
        path: path,
        reason: "a time series is scored on forecasts of one number, and the network has "
          + "\(model.outputCount) outputs; predict takes it")
    }
    say(inputs)
    return .series(series)
  }

  /// How many rows a Keras model reads at once, if its file says it.
  private var knownWindow: Int? {
    guard let input = (model as? KerasNetwork)?.configuration.input, input.count == 2 else { return nil }
    return input[1]
  }

  private func say(_ columns: [String]) {
    let more = columns.count > 8 ? ", … (\(columns.count) columns)" : ""
    tell("\(path): is given \(columns.prefix(8).joined(separator: ", "))\(more) as they are, in this order")
  }

  /// - Parameter outputs: how many a network must have to be scored; nil for any number.
  private func requireTarget(_ columns: PlainColumns, _ table: Table, outputs: Int?) throws {
    guard columns.target != nil else {
      throw CommandFault.unsuitedColumns(
        data: table.path, columns: table.names, reason: "name the one to compare with by --target COLUMN")
    }
    if let outputs, model.outputCount != outputs {
      throw CommandFault.otherOutputs(
        path: path, reason: "the network has \(model.outputCount) outputs, and a table has one target; predict takes it"
      )
    }
  }

  /// The classes of a network that does not know its data, in the order of its outputs; empty where they are numbers.
  func plainClasses(_ columns: ColumnOptions) throws -> [String] {
    guard preparesNothing else { return [] }
    let count = model.outputCount
    var isNumbers = count == 1
    if let chain = model as? KerasNetwork {
      isNumbers = chain.configuration.output == .values || columns.task == .regression
      if columns.task == .classification, chain.configuration.output == .values {
        throw CommandFault.otherOutputs(path: path, reason: "its outputs are not class scores; leave out --task")
      }
      if columns.task == .regression, chain.configuration.output != .values, !chain.configuration.assumesScores {
        throw CommandFault.otherOutputs(path: path, reason: "its outputs are probabilities; leave out --task")
      }
    } else if columns.task == .regression {
      isNumbers = true
    }
    if isNumbers { return [] }
    let classes = checkpoint.metadata.classes ?? (0..<count).map(String.init)
    guard classes.count == count else {
      throw CommandFault.classCount(source: path, found: classes.count, expected: count)
    }
    return classes
  }
}

extension Network {
  /// The number of outputs, also where the kind of network is not known.
  fileprivate var outputCount: Int { configuration.outputs }
}
